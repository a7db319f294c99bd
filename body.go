package postrider

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// Content types of the bodies this package makes.
const (
	TypeBytes = "application/octet-stream"
	TypeText  = "text/plain; charset=utf-8"
	TypeJSON  = "application/json"

	typeError = "application/vnd.postrider.error+json" // the body is a RemoteError
)

// A style is what two messages to one target may differ in, beside id and body.
type style uint8

const (
	styleBytes style = iota
	styleText
	styleJSON
	styleError
	formats = 4

	styleTransient style = formats
	styles               = 2 * formats
)

func (s style) contentType() string {
	return [formats]string{TypeBytes, TypeText, TypeJSON, typeError}[s%formats]
}

func (s style) deliveryMode() uint8 {
	if s >= styleTransient {
		return amqp.Transient
	}
	return amqp.Persistent
}

// encode turns a body into bytes: []byte and string as they are, a *RemoteError as
// such, anything else as JSON.
func (n *Node) encode(body any) (draft, error) {
	switch b := body.(type) {
	case []byte:
		return draft{body: b, style: styleBytes}, nil
	case string:
		return draft{body: []byte(b), style: styleText}, nil
	case *RemoteError:
		j, err := json.Marshal(b)
		return draft{body: j, style: styleError}, err
	}
	j, err := json.Marshal(body)
	if err != nil {
		return draft{}, fmt.Errorf("postrider: body: %w", err)
	}
	return draft{body: j, style: styleJSON}, nil
}

// decode is the reverse of encode, into what v points to. An empty body leaves v as it is.
func decode(contentType string, body []byte, v any) error {
	isJSON := isJSONType(contentType)
	switch to := v.(type) {
	case *[]byte:
		*to = body
		return nil
	case *string:
		if !isJSON {
			*to = string(body)
			return nil
		}
	}
	if len(body) == 0 {
		return nil
	}
	if !isJSON && contentType != "" {
		return fmt.Errorf("postrider: cannot decode %q into %T: want *[]byte or *string, or a JSON body", contentType, v)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("postrider: body: %w", err)
	}
	return nil
}

func isJSONType(contentType string) bool {
	if contentType == TypeJSON {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == TypeJSON || strings.HasSuffix(media, "+json"))
}
