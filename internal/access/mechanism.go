package access

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// Mechanisms are the SASL mechanisms that a server offers, in its words in connection.start.
const Mechanisms = "PLAIN AMQPLAIN"

// MechanismsOverTLS are those offered to a client who may have shown a certificate.
const MechanismsOverTLS = Mechanisms + " " + external

// external takes the word of a certificate (RFC 4422, appendix A) in place of a password.
const external = "EXTERNAL"

var mechanisms = map[string]func(response []byte) (login, error){
	"PLAIN":    parsePlain,
	"AMQPLAIN": parseAMQPlain,
}

// Bounds of a login. A password may be long, as tokens are.
const (
	maxName     = 255
	maxPassword = 4096
)

var errTooLong = errors.New("the name or the password is too long")

// parsePlain reads a response of PLAIN (RFC 4616):
//
//	message = [authzid] UTF8NUL authcid UTF8NUL passwd
//
// It acts as nobody else: an authzid must be empty or the name itself.
func parsePlain(response []byte) (login, error) {
	if len(response) > 2*maxName+maxPassword+2 {
		return login{}, errTooLong
	}
	parts := strings.Split(string(response), "\x00")
	if len(parts) != 3 {
		return login{}, errors.New("PLAIN wants three fields, separated by zero bytes")
	}
	if parts[0] != "" && parts[0] != parts[1] {
		return login{}, errors.New("a user may not act as another")
	}
	return login{parts[1], parts[2]}.checked()
}

// parseAMQPlain reads a response of AMQPLAIN: the inside of a table with the strings LOGIN and PASSWORD.
func parseAMQPlain(response []byte) (login, error) {
	if len(response) > amqp.MaxTableBytes {
		return login{}, errTooLong
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(response)), uint32(len(response)))
	_, table, err := amqp.ParseTable(append(b, response...))
	if err != nil {
		return login{}, err
	}
	name, ok1 := table["LOGIN"].(string)
	password, ok2 := table["PASSWORD"].(string)
	if !ok1 || !ok2 {
		return login{}, errors.New("AMQPLAIN wants the strings LOGIN and PASSWORD")
	}
	return login{name, password}.checked()
}

func (l login) checked() (login, error) {
	if len(l.name) > maxName || len(l.password) > maxPassword {
		return login{}, errTooLong
	}
	return l, nil
}
