package core

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/postrider-mq/postrider/amqp"
)

// CheckExpiration says what is wrong with the expiration of a message: 406.
func CheckExpiration(text string) error {
	if problem := expirationProblem(text); problem != "" {
		return amqp.Errorf(amqp.PreconditionFailed, "invalid expiration '%s': %s", text, problem)
	}
	return nil
}

// IsExpiration tells an expiration of few digits, as nearly all are. Of others CheckExpiration says whether they are right.
func IsExpiration(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0 && len(text) < 12 // maxExpiration has as many
}

// maxExpiration is the longest that RabbitMQ allows a message, in milliseconds.
const maxExpiration = maxTTL

// expirationProblem says what is wrong, as RabbitMQ does: a number is what the text begins with.
func expirationProblem(text string) string {
	sign := 0
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		sign = 1
	}
	digits := strings.TrimLeft(text[sign:], "0123456789")
	n, err := strconv.ParseInt(text[:len(text)-len(digits)], 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return "{value_too_large," + text + "}"
	case err != nil:
		return "no_integer"
	case digits != "":
		return fmt.Sprintf("{leftover_string,%q}", digits)
	case n < 0:
		return fmt.Sprintf("{value_negative,%d}", n)
	case n > maxExpiration:
		return fmt.Sprintf("{value_too_large,%d}", n)
	}
	return ""
}
