package demo

import (
	"context"
	"fmt"

	"c2d/cmd/c2d/client"
	"c2d/core/access"
)

// invite adds a user for a real softphone, and prints the lines to try by hand.
func (s *stage) invite(ctx context.Context, p *printer) error {
	const number = "+16328300102"
	password, err := s.addUser(ctx, "sally", "Sally", number)
	if err != nil {
		return err
	}
	sally := client.Contact{Kind: "person", Name: "Sally", Numbers: []client.Phone{{Use: "work", Number: number}}}
	if err := s.api.Post(ctx, "/v1/contacts", sally, nil); err != nil {
		return err
	}
	sip := s.app.SIP()
	p.heading("Now you")
	p.plain("The service goes on running, and both phones answer by themselves. Click again:")
	p.plain("")
	p.plain(s.curl("harry", "Mary"))
	p.plain("")
	p.plain("It answers with the call's id. They talk until you hang up:")
	p.plain("")
	p.plain(fmt.Sprintf(`    curl -sS -X POST %s/v1/calls/ID/hangup -H "Authorization: Bearer $(cat %s)"`, s.app.URL(), s.keyFile()))
	p.plain("")
	p.plain("With a softphone of your own on this machine (UDP, G.711), Sally's:")
	p.plain("")
	p.plain(fmt.Sprintf("    user %s   password %s   domain %s   port %d", "sally", password, sip.Addr(), sip.Port()))
	p.plain("")
	p.plain("Call Mary from it, or let her be called:")
	p.plain("")
	p.plain(s.curl("sally", "Mary"))
	p.plain("")
	p.plain("^C ends it and leaves nothing behind.")
	return nil
}

func (s *stage) curl(caller, callee string) string {
	return fmt.Sprintf(`    curl -sS %s/v1/calls -H "Authorization: Bearer $(cat %s)" \
      -H 'Content-Type: application/json' -d '{"caller":"%s","callee":"%s"}'`,
		s.app.URL(), s.keyFile(), caller, callee)
}

func (s *stage) keyFile() string { return s.app.NewKeys()[access.SystemAdmin] }
