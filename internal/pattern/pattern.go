package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/dlclark/regexp2/syntax"
)

const (
	maxTime = 100 * time.Millisecond // one name may be searched with backtracking for so long
	maxText = 64 << 10               // bytes of a pattern, about as many as PCRE takes; a long one takes seconds to compile, and more than maxTime to give up
)

// A Pattern matches names. It may be used by any number of goroutines.
type Pattern struct {
	text         string
	linear       *regexp.Regexp
	backtracking *regexp2.Regexp // where linear is nil
}

// An Error says what is wrong with a pattern, in PCRE's words for the common
// mistakes, and where, in bytes.
type Error struct {
	Problem string
	At      int
}

func (e *Error) Error() string { return fmt.Sprintf("%s, at byte %d", e.Problem, e.At) }

// Term is the error as RabbitMQ writes it.
func (e *Error) Term() string { return fmt.Sprintf("{%q,%d}", e.Problem, e.At) }

// Compile reads a pattern. The error is an *Error.
func Compile(text string) (*Pattern, error) {
	if len(text) > maxText {
		return nil, &Error{"regular expression is too large", len(text)}
	}
	if linear, err := regexp.Compile(text); err == nil {
		return &Pattern{text: text, linear: linear}, nil
	}
	backtracking, err := regexp2.Compile(text, regexp2.None)
	if err != nil {
		return nil, problem(text, err)
	}
	backtracking.MatchTimeout = maxTime
	return &Pattern{text: text, backtracking: backtracking}, nil
}

// String is the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Match says whether the pattern is found anywhere in name.
func (p *Pattern) Match(name string) bool {
	if p.linear != nil {
		return p.linear.MatchString(name)
	}
	found, err := p.backtracking.MatchString(name)
	return err == nil && found
}

// problem words what is wrong with a pattern that neither compiler takes.
func problem(text string, err error) *Error {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return &Error{err.Error(), 0}
	}
	switch e.Code {
	case syntax.ErrMissingParen:
		return &Error{"missing )", len(text)}
	case syntax.ErrUnexpectedParen:
		return &Error{"unmatched parentheses", max(0, strings.LastIndexByte(text, ')'))}
	case syntax.ErrUnterminatedBracket:
		return &Error{"missing terminating ] for character class", len(text)}
	case syntax.ErrMissingRepeatArgument:
		return &Error{"nothing to repeat", max(0, strings.IndexAny(text, "*+?"))}
	case syntax.ErrIllegalEndEscape:
		return &Error{"\\ at end of pattern", len(text)}
	}
	return &Error{strings.TrimPrefix(e.Error(), "error parsing regexp: "), 0}
}
