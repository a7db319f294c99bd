package postrider

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"
)

// A Codec turns values into bodies and back. Any goroutine may use it. See [Config.Codecs].
type Codec interface {
	// ContentType is what messages say their bodies are, such as "application/protobuf".
	ContentType() string
	// Marshal encodes a value. One that is not of this codec's kind is an [errors.ErrUnsupported], and left to the next one.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes a body into what v points to.
	Unmarshal(body []byte, v any) error
}

// ErrNoCodec is the error of a body whose content type no codec of this node decodes.
var ErrNoCodec = errors.New("no codec decodes this content type")

// jsonCodec is there without being asked for.
type jsonCodec struct{}

func (jsonCodec) ContentType() string           { return TypeJSON }
func (jsonCodec) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

func (jsonCodec) Unmarshal(body []byte, v any) error { return json.Unmarshal(body, v) }

// errNoBytes is of a body that should point to bytes.
var errNoBytes = errors.New("postrider: body: a *[]byte that is nil: want what it points to")

// encode turns a body into bytes: []byte, also pointed to, and string as they are, a *RemoteError as
// such, anything else by the first codec that takes it, and else as JSON.
func (n *Node) encode(d *draft, body any) (err error) {
	switch b := body.(type) {
	case []byte:
		d.body, d.style = b, styleBytes
		return nil
	case *[]byte:
		if b == nil {
			return errNoBytes
		}
		d.body, d.style = *b, styleBytes
		return nil
	case string:
		d.body, d.style = []byte(b), styleText
		return nil
	case *RemoteError:
		d.style = styleError
		d.body, err = json.Marshal(b)
		return err
	}
	for _, c := range n.cfg.Codecs {
		b, err := c.Marshal(body)
		switch {
		case err == nil:
			d.body, d.style, d.more = b, styleBytes, &extras{contentType: c.ContentType()}
			return nil
		case !errors.Is(err, errors.ErrUnsupported):
			return fmt.Errorf("postrider: body: %w", err)
		}
	}
	d.style = styleJSON
	if d.body, err = json.Marshal(body); err != nil {
		return fmt.Errorf("postrider: body: %w", err)
	}
	return nil
}

// decode is the reverse of encode, into what v points to. An empty body leaves v as it is.
func (n *Node) decode(contentType string, body []byte, v any) error {
	if to, ok := v.(*[]byte); ok {
		*to = body
		return nil
	}
	isJSON := isJSONType(contentType)
	if to, ok := v.(*string); ok && !isJSON {
		*to = string(body)
		return nil
	}
	c := n.codec(contentType, isJSON)
	switch {
	case c == nil && len(body) == 0:
		return nil
	case c == nil:
		return fmt.Errorf("postrider: %w: %q, into %T: add one that does to Config.Codecs, or decode into a *[]byte or *string",
			ErrNoCodec, contentType, v)
	case len(body) == 0 && (isJSON || contentType == ""):
		return nil
	}
	if err := c.Unmarshal(body, v); err != nil {
		return fmt.Errorf("postrider: body: %w", err)
	}
	return nil
}

// codec finds the one for a content type; nil if there is none.
func (n *Node) codec(contentType string, isJSON bool) Codec {
	media := mediaType(contentType)
	for _, c := range n.cfg.Codecs {
		if mediaType(c.ContentType()) == media {
			return c
		}
	}
	if isJSON || contentType == "" {
		return jsonCodec{}
	}
	return nil
}

// mediaType is a content type without its parameters.
func mediaType(contentType string) string {
	if contentType == TypeJSON {
		return TypeJSON
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return contentType
	}
	return media
}

func isJSONType(contentType string) bool {
	media := mediaType(contentType)
	return media == TypeJSON || strings.HasSuffix(media, "+json")
}
