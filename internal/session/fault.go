package session

import (
	"fmt"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// The texts of these errors are RabbitMQ's: clients and people search for them.

// errNoMethod is a frame where only a method may come, on a channel.
func errNoMethod(f amqp.Frame) error {
	if f.Type == amqp.FrameHeartbeat {
		return unexpectedFrame(f)
	}
	return errUnannounced()
}

// errUnannounced is content that no method announced.
func errUnannounced() error {
	return amqp.Errorf(amqp.UnexpectedFrame, "expected method frame, got non method frame instead")
}

// unexpectedFrame is a frame whose type may not come at this point.
func unexpectedFrame(f amqp.Frame) error {
	part, n := "all", len(f.Payload)
	if n > 16 {
		part, n = "first 16", 16
	}
	return amqp.Errorf(amqp.UnexpectedFrame, "type %d, %s octets = %s", f.Type, part, octets(f.Payload[:n]))
}

func unexpectedMethod(id amqp.MethodID, s state) error {
	return blamed(id, amqp.Errorf(amqp.ChannelError, "unexpected method in connection state %s", s))
}

func unimplemented(id amqp.MethodID) error {
	return blamed(id, amqp.Errorf(amqp.CommandInvalid, "unimplemented method"))
}

func blamed(id amqp.MethodID, err *amqp.Error) error {
	err.Method = id
	return err
}

// octets writes bytes as Erlang does: <<"text">>, or <<1,2,3>>.
func octets(b []byte) string {
	plain := strings.IndexFunc(string(b), func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) < 0
	if plain && len(b) > 0 {
		return `<<"` + string(b) + `">>`
	}
	numbers := make([]string, len(b))
	for i, c := range b {
		numbers[i] = fmt.Sprint(c)
	}
	return "<<" + strings.Join(numbers, ",") + ">>"
}
