package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"c2d/adapters/esl/client"
	"c2d/core/identity"
	"c2d/test/pbx"
)

// measureFreeSWITCH compares a click by the product with FreeSWITCH's own: one command, which rings the caller and bridges him to the
// callee.
func measureFreeSWITCH(ctx context.Context, o options, dir string, p *phones, t *table) error {
	st := &stand{dir: dir}
	defer st.close()
	f, err := st.freeswitch(pbx.Exchange{Files: []pbx.File{directory(p, answers, goes, busy)}})
	if errors.Is(err, errAbsent) {
		t.add("beside FreeSWITCH's own click-to-dial", "", err.Error(), nil)
		return nil
	}
	if err != nil {
		return err
	}
	s, err := serve(o, dir, "freeswitch", fmt.Sprintf(besideFreeSWITCH, f.Socket, f.Password), func(s *product) error {
		return s.people(ctx, people, []byte{answers, goes, busy})
	})
	if err != nil {
		return err
	}
	defer s.stop()
	h, hangUp, err := atFreeSWITCH(ctx, f, s, p)
	if err != nil {
		return err
	}
	defer hangUp()
	return errors.Join(h.cost(ctx, t), h.clicks(ctx, t))
}

const besideFreeSWITCH = `
backends: [{name: house, kind: freeswitch, address: "%s", password: "%s"}]
`

// directory is FreeSWITCH's file of phones that need not register.
func directory(p *phones, kinds ...byte) pbx.File {
	var b strings.Builder
	for _, kind := range kinds {
		for n := range people {
			fmt.Fprintf(&b, `<user id="%[1]s"><params><param name="dial-string" value="sofia/internal/%[1]s@%[2]s"/></params></user>`+"\n", user(kind, n), p.addr())
		}
	}
	return pbx.File{Name: "directory/phones/phones.xml", Text: b.String()}
}

// atFreeSWITCH has a connection of its own for FreeSWITCH's own click, which lasts as ours does, until hangUp.
func atFreeSWITCH(ctx context.Context, f *pbx.FreeSWITCH, s *product, p *phones) (h *hospital, hangUp func(), err error) {
	conn, err := client.Dial(ctx, client.Config{Address: f.Socket.String(), Password: f.Password})
	if err != nil {
		return nil, nil, err
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = conn.Serve(func(client.Event) {}) }() // ends with conn
	h = &hospital{name: "FreeSWITCH", order: "bgapi originate", pid: f.PID(), product: s, phones: p, originate: func(ctx context.Context, caller, callee string) error {
		return conn.Start(ctx, identity.NewID(), "originate", "{ignore_early_media=true}user/"+caller, "&bridge(user/"+callee+")")
	}}
	return h, func() { conn.Close(); <-served }, nil
}
