package esl

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strconv"
	"strings"

	"c2d/adapters/esl/client"
	"c2d/core/fault"
)

// fewSessions is how many sessions a second FreeSWITCH comes with: half as many calls by click, and those that come in count too.
const fewSessions = 30

// Probe asks FreeSWITCH whether it could be used, in one sentence that says what to do, over a connection of its own.
// Errors: fault.CodeBackendUnavailable.
func (b *Backend) Probe(ctx context.Context) error {
	conn, hangUp, err := b.aside(ctx)
	if err != nil {
		return fault.Wrap(fault.CodeBackendUnavailable, err, "%s", advice(err, b.cfg))
	}
	defer hangUp()
	version, err := conn.Call(ctx, "version")
	if err != nil {
		return fault.Wrap(fault.CodeBackendUnavailable, err, "FreeSWITCH does not answer commands: is mod_commands loaded?")
	}
	if old := tooOld(version); old != "" {
		return fault.New(fault.CodeBackendUnavailable, "FreeSWITCH %s is too old: 1.10 or newer is needed", old)
	}
	for _, module := range []string{"mod_sofia", "mod_dptools", "mod_tone_stream"} {
		if there, err := conn.Call(ctx, "module_exists", module); err == nil && there != "true" {
			return fault.New(fault.CodeBackendUnavailable, "FreeSWITCH has not loaded %s: modules.conf.xml wants it", module)
		}
	}
	return nil
}

// aside is a connection beside the one that carries calls, until hangUp.
func (b *Backend) aside(ctx context.Context) (conn *client.Conn, hangUp func(), err error) {
	conn, err = client.Dial(ctx, b.to)
	if err != nil {
		return nil, nil, err
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = conn.Serve(func(client.Event) {}) }() // ends with conn
	return conn, func() { conn.Close(); <-served }, nil
}

// sessions is what "fsctl sps" says: "+OK sessions per second: 30".
var sessions = regexp.MustCompile(`sessions per second: ([0-9]+)`)

// Limit says in one sentence what this FreeSWITCH cannot, "" if there is nothing, or if it does not answer.
func (b *Backend) Limit(ctx context.Context) string {
	conn, hangUp, err := b.aside(ctx)
	if err != nil {
		return "" // Probe tells
	}
	defer hangUp()
	said, err := conn.Call(ctx, "fsctl", "sps")
	n := sessions.FindStringSubmatch(said)
	if err != nil || n == nil {
		return ""
	}
	if most, err := strconv.Atoi(n[1]); err != nil || most > fewSessions {
		return ""
	}
	return "FreeSWITCH begins " + n[1] + " legs a second at most, of which a call has two: when many click at once, calls end as congestion (sessions-per-second in switch.conf.xml)"
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
		return "FreeSWITCH refuses the password: compare it with event_socket.conf.xml"
	case errors.Is(err, client.ErrDenied):
		return "FreeSWITCH refuses this address: see apply-inbound-acl in event_socket.conf.xml"
	case errors.As(err, &name):
		return "the host name in address is not known"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "no event socket answers at " + cfg.Address + ": is mod_event_socket loaded, does it listen there?"
	case errors.Is(err, context.DeadlineExceeded):
		return "what takes the connection at " + cfg.Address + " says nothing: FreeSWITCH hangs, or it is another service"
	}
	return "what answers at " + cfg.Address + " is no event socket"
}
