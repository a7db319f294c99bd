package postrider

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/postrider-mq/postrider/amqp"
	"github.com/postrider-mq/postrider/internal/client"
)

// failing is an intake whose first attempt has failed.
type failing struct {
	noIntake
	why error
}

func (f failing) err() error { return f.why }

// Whoever begins to receive while the broker shuts down begins when there is one again; a refusal is told.
func TestABrokerThatGoesIsNoRefusal(t *testing.T) {
	for code, refusal := range map[uint16]bool{amqp.ConnectionForced: false, amqp.InternalError: false, amqp.NotFound: false, amqp.AccessRefused: true, amqp.PreconditionFailed: true} {
		at := &tap{target: &Target{title: "mailbox jobs"}, intake: failing{why: &amqp.Error{Code: code, Text: "because"}}}
		err := at.begun(t.Context())
		if refusal != (err != nil) || refusal && !errors.As(err, new(*RemoteError)) {
			t.Errorf("code %d: %v", code, err)
		}
	}
}

// Nobody mends a certificate that is not trusted by waiting.
func TestACertificateThatIsNotTrustedIsTold(t *testing.T) {
	why := fmt.Errorf("%w: TLS: %w", client.ErrDown, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})
	at := &tap{target: &Target{title: "mailbox jobs"}, intake: failing{why: why}}
	var told Advised
	if err := at.begun(t.Context()); !errors.As(err, &told) || !strings.Contains(told.Fact(), "mailbox jobs") || !strings.Contains(told.Advice(), "RootCAs") {
		t.Error(err)
	}
}
