package esl

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"c2d/adapters/esl/client"
	"c2d/core/fault"
)

// Probe asks FreeSWITCH whether it could be used, over a connection of its own. It returns one sentence for each thing that is wrong,
// joined; each says what it is, in which file, and what to write there. Errors: fault.CodeBackendUnavailable.
func (b *Backend) Probe(ctx context.Context) error {
	conn, hangUp, err := b.aside(ctx)
	if err != nil {
		return fault.Wrap(fault.CodeBackendUnavailable, err, "%s", advice(err, b.config()))
	}
	defer hangUp()
	version, err := conn.Call(ctx, "version")
	if err != nil {
		return fault.Wrap(fault.CodeBackendUnavailable, err, "FreeSWITCH does not answer commands: is mod_commands loaded?")
	}
	if old := tooOld(version); old != "" {
		return fault.New(fault.CodeBackendUnavailable, "FreeSWITCH %s is too old: 1.10 or newer is needed", old)
	}
	var errs []error
	for _, text := range b.faults(asked(ctx, conn)) {
		errs = append(errs, fault.New(fault.CodeBackendUnavailable, "%s", text))
	}
	return errors.Join(errs...)
}

// Limits returns one sentence for each thing that is no fault of this FreeSWITCH and that an admin wants to know; none if it does not
// answer, which Probe tells.
func (b *Backend) Limits(ctx context.Context) []string {
	conn, hangUp, err := b.aside(ctx)
	if err != nil {
		return nil
	}
	defer hangUp()
	return b.remarks(asked(ctx, conn))
}

// ask gives FreeSWITCH a command and returns what it says, "" where it has no answer.
type ask func(name string, arguments ...string) string

func asked(ctx context.Context, conn *client.Conn) ask {
	return func(name string, arguments ...string) string {
		said, err := conn.Call(ctx, name, arguments...)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(said)
	}
}

// aside is a connection beside the one that carries calls, until hangUp.
func (b *Backend) aside(ctx context.Context) (conn *client.Conn, hangUp func(), err error) {
	conn, err = client.Dial(ctx, b.reached())
	if err != nil {
		return nil, nil, err
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = conn.Serve(func(client.Event) {}) }() // ends with conn
	return conn, func() { conn.Close(); <-served }, nil
}

// tooOld returns the version if it is before 1.10: "FreeSWITCH Version 1.10.12-release+git…".
func tooOld(text string) string {
	_, rest, _ := strings.Cut(text, "Version ")
	version, _, _ := strings.Cut(rest, " ")
	part := strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if len(part) < 2 {
		return ""
	}
	major, _ := strconv.Atoi(part[0])
	minor, _ := strconv.Atoi(part[1])
	if major > 1 || major == 1 && minor >= 10 {
		return ""
	}
	return version
}

// advice says what is probably wrong.
func advice(err error, cfg Config) string {
	var name *net.DNSError
	var dial *net.OpError
	switch {
	case errors.Is(err, client.ErrPassword):
		return "FreeSWITCH refuses the password: compare it with password in autoload_configs/event_socket.conf.xml, whose changes hold after \"reload mod_event_socket\""
	case errors.Is(err, client.ErrDenied):
		return "FreeSWITCH refuses this address: see apply-inbound-acl in autoload_configs/event_socket.conf.xml, which is \"loopback.auto\" where it is not set"
	case errors.As(err, &name):
		return "the host name in address is not known"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "no event socket answers at " + cfg.Address + ": autoload_configs/modules.conf.xml wants mod_event_socket, event_socket.conf.xml says where it listens"
	case errors.Is(err, context.DeadlineExceeded):
		return "what takes the connection at " + cfg.Address + " says nothing: FreeSWITCH hangs, or it is another service"
	}
	return "what answers at " + cfg.Address + " is no event socket"
}
