package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"c2d/test/pbx"
)

// measureAsterisk compares a click by the product with Asterisk's own: one request to ARI, which rings the caller and leads
// him into an extension that dials the callee. The two take turns on one Asterisk.
func measureAsterisk(ctx context.Context, o options, dir string, p *phones, t *table) error {
	st := &stand{dir: dir}
	defer st.close()
	a, err := st.asterisk(pbx.Switch{Files: desks(p, answers, goes, busy)})
	if errors.Is(err, errAbsent) {
		t.add("beside Asterisk's own click-to-dial", "", err.Error(), nil)
		return nil
	}
	if err != nil {
		return err
	}
	s, err := serve(o, dir, "asterisk", fmt.Sprintf(besideAsterisk, a.URL, a.Username, a.Password), func(s *product) error {
		return s.people(ctx, people, []byte{answers, goes, busy})
	})
	if err != nil {
		return err
	}
	defer s.stop()
	h := atAsterisk(a, s, p)
	return errors.Join(h.cost(ctx, t), h.clicks(ctx, t))
}

func atAsterisk(a *pbx.Asterisk, s *product, p *phones) *hospital {
	return &hospital{name: "Asterisk", order: "POST to ARI", pid: a.PID(), product: s, phones: p, originate: func(ctx context.Context, caller, callee string) error {
		return originate(ctx, a, caller, callee)
	}}
}

const besideAsterisk = `
backends: [{name: house, kind: asterisk, url: "%s", username: "%s", password: "%s"}]
`

// desks are Asterisk's files of phones that need not register, and of the extensions that dial them.
func desks(p *phones, kinds ...byte) []pbx.File {
	var b strings.Builder
	for _, kind := range kinds {
		for n := range people {
			fmt.Fprintf(&b, "[%[1]s](phone)\naors = %[1]s\n[%[1]s]\ntype = aor\ncontact = sip:%[1]s@%[2]s\n", user(kind, n), p.addr())
		}
	}
	plan := fmt.Sprintf("[from-internal](+)\nexten => _%c.,1,Dial(PJSIP/${EXTEN},60)\n same => n,Hangup()\n", goes)
	return []pbx.File{{Name: "pjsip_phones.conf", Text: b.String()}, {Name: "extensions_local.conf", Text: plan}}
}

// originate is Asterisk's own click-to-dial.
func originate(ctx context.Context, a *pbx.Asterisk, caller, callee string) error {
	q := url.Values{"endpoint": {"PJSIP/" + caller}, "context": {"from-internal"}, "extension": {callee}, "priority": {"1"}, "callerId": {"Doctor <" + callee + ">"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+"/channels?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(a.Username, a.Password)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("Asterisk answers %d %s", res.StatusCode, said)
	}
	return err
}
