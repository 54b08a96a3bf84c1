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

// fewSessions is how many sessions a second FreeSWITCH comes with: half as many calls by click, and those that come in count too.
const fewSessions = 30

// Probe asks FreeSWITCH whether it could be used, in one sentence that says what to do, over a connection of its own.
// Errors: fault.CodeBackendUnavailable.
func (b *Backend) Probe(ctx context.Context) error {
	conn, err := client.Dial(ctx, b.to)
	if err != nil {
		return fault.Wrap(fault.CodeBackendUnavailable, err, "%s", advice(err, b.cfg))
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = conn.Serve(func(client.Event) {}) }() // ends with conn
	defer func() { conn.Close(); <-served }()
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
