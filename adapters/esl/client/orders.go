package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/percipia/eslgo/command"
)

// job is a command that runs in the background, under an id that we choose: eslgo's would get one of FreeSWITCH's, and with it
// a moment in which the result is nobody's.
type job struct{ id, name, arguments string }

// BuildMessage implements [command.Command].
func (j job) BuildMessage() string {
	return command.API{Command: j.name, Arguments: j.arguments, Background: true}.BuildMessage() + "\nJob-UUID: " + j.id
}

// Start begins a command in the background, whose result comes as a BACKGROUND_JOB with this id. Errors: those of Do.
func (c *Conn) Start(ctx context.Context, id, name string, arguments ...string) error {
	_, err := c.Do(ctx, job{id, name, strings.Join(arguments, " ")})
	return err
}

// Call runs a command of FreeSWITCH's API that is done at once, and returns what it says. Errors: those of Do.
func (c *Conn) Call(ctx context.Context, name string, arguments ...string) (string, error) {
	return c.Do(ctx, command.API{Command: name, Arguments: strings.Join(arguments, " ")})
}

// Match is a filter: events pass of which a header matches one of them. Of is a regular expression; Is is the value itself, for
// many of them: FreeSWITCH reads every expression anew for every event.
type Match struct{ Header, Of, Is string }

func (m Match) filter() command.Filter {
	if m.Is != "" {
		return command.Filter{EventHeader: m.Header, FilterValue: m.Is}
	}
	return command.Filter{EventHeader: m.Header, FilterValue: "/" + m.Of + "/"}
}

// Pass lets events pass that a filter matches, too. Errors: those of Do.
func (c *Conn) Pass(ctx context.Context, m Match) error {
	_, err := c.Do(ctx, m.filter())
	return err
}

// PassNoMore takes a filter away. Errors: those of Do.
func (c *Conn) PassNoMore(ctx context.Context, m Match) error {
	f := m.filter()
	f.Delete = true
	_, err := c.Do(ctx, f)
	return err
}

// Subscribe asks for events of these names that one of the filters lets pass. FreeSWITCH takes names that it does not know for
// granted, and never sends them. Errors: those of Do.
func (c *Conn) Subscribe(ctx context.Context, names []string, only []Match) error {
	for _, m := range only {
		if err := c.Pass(ctx, m); err != nil {
			return err
		}
	}
	_, err := c.Do(ctx, command.Event{Format: "plain", Listen: names})
	return err
}

// Watch bounds how long a connection may be silent before it is taken for dead.
type Watch struct {
	Every  time.Duration // between two questions
	Answer time.Duration // that FreeSWITCH has for each
}

// ErrReplaced says that another process has taken a mark that is ours.
var ErrReplaced = errors.New("another process of the same name uses this FreeSWITCH")

// Mark sets a global variable of FreeSWITCH's, by which Keep notices who else uses it under the same name. Errors: those of Do.
func (c *Conn) Mark(ctx context.Context, name, value string) error {
	_, err := c.Call(ctx, "global_setvar", name+"="+value)
	return err
}

// Keep reads a mark until it is another one, there is no reply, or ctx ends. It closes the connection, and returns why.
func (c *Conn) Keep(ctx context.Context, w Watch, name, value string) error {
	every := time.NewTicker(w.Every)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.lost:
			return ErrLost
		case <-every.C:
		}
		limit, cancel := context.WithTimeout(ctx, w.Answer)
		is, err := c.Call(limit, "global_getvar", name)
		cancel()
		switch {
		case err != nil && !Answered(err):
			c.close()
			return fmt.Errorf("FreeSWITCH gives no sign of life: %w", errors.Join(ErrLost, err))
		case err == nil && is != value:
			c.close()
			return ErrReplaced
		}
	}
}
