package asterisk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/cmd/c2d/config"
	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/call/calltest"
	"c2d/test/office"
	"c2d/test/pbx"
)

// service is the whole of C2D at an Asterisk, with people whose phones are registered there.
type service struct {
	*ward
	t   *testing.T
	api *client.Client
}

func serves(t *testing.T) *service {
	t.Helper()
	a := pbx.StartAsterisk(t, pbx.Switch{Files: phones()})
	return servesAt(t, a, a.URL)
}

// servesOld is an Asterisk that does not know how to leave a transfer to us.
func servesOld(t *testing.T) *service {
	t.Helper()
	a := pbx.StartAsterisk(t, pbx.Switch{Files: phones()})
	old := pbx.NewLine(t, strings.TrimSuffix(strings.TrimPrefix(a.URL, "http://"), "/ari"))
	old.Forget("PJSIP_TRANSFER_HANDLING()")
	return servesAt(t, a, "http://"+old.Addr()+"/ari")
}

// servesAt begins the service; url is where it finds the ARI.
func servesAt(t *testing.T, at *pbx.Asterisk, url string) *service {
	t.Helper()
	w := &wards{asterisk: at}
	text := fmt.Sprintf(`{http: {listen: "127.0.0.1:0"}, store: {url: "sqlite:%s"},
backends: [{name: pbx, kind: asterisk, url: "%s", username: "%s", password: "%s"}]}`,
		filepath.Join(t.TempDir(), "c2d.db"), url, w.asterisk.Username, w.asterisk.Password)
	cfg, err := config.Parse("test", []byte(text), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(cfg, app.Deps{})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	key, err := os.ReadFile(a.NewKeys()[access.SystemAdmin])
	if err != nil {
		t.Fatal(err)
	}
	api := client.New(a.URL(), strings.TrimSpace(string(key)))
	t.Cleanup(api.Close)
	return &service{ward: &ward{wards: w}, t: t, api: api}
}

// person makes a user with a phone, which rings until somebody lifts it.
func (s *service) person(login string) *handset.Handset {
	s.t.Helper()
	h := s.Phone(s.t, calltest.Rings).(*handset.Handset)
	u := client.User{Login: login, Name: login}
	if err := s.api.Post(s.t.Context(), "/v1/users", u, &u); err != nil {
		s.t.Fatal(err)
	}
	d := client.Device{Name: "desk", Kind: "desk", Backend: "pbx", Address: h.Name, Number: h.Name}
	if err := s.api.Post(s.t.Context(), "/v1/users/"+u.ID+"/devices", d, nil); err != nil {
		s.t.Fatal(err)
	}
	return h
}

// talk is a call that somebody places to another, once they hear each other.
func (s *service) talk(login string, a, b *handset.Handset) client.Call {
	s.t.Helper()
	var placed client.Call
	if err := s.api.Post(s.t.Context(), "/v1/calls", map[string]any{"caller": login, "callee": map[string]string{"number": b.Name}}, &placed); err != nil {
		s.t.Fatal(err)
	}
	for _, h := range []*handset.Handset{a, b} {
		office.Awaits(s.t, h, telephone.Ringing)
		h.Lift(s.t)
	}
	a.Hears(s.t, b)
	b.Hears(s.t, a)
	return s.reach(placed, "connected")
}

func (s *service) reach(now client.Call, state string) client.Call {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for now.State != state {
		next, err := s.api.Next(ctx, now, time.Second)
		if err != nil {
			s.t.Fatalf("not %s, but %+v: %v", state, now, err)
		}
		now = next
	}
	return now
}

func (s *service) refers(h *handset.Handset, to string) {
	s.t.Helper()
	h.Does(s.t, "transfer", func(ctx context.Context) error {
		return h.Phone.Transfer(ctx, "<sip:"+to+"@"+s.asterisk.Addr.String()+">")
	})
}

// A phone hands whom it talks with to nobody, which changes nothing, and then to a third.
func TestBlindTransfer(t *testing.T) {
	s := serves(t)
	harry, mary := s.person("harry"), s.person("mary")
	s.person("paul")
	ann := s.person("ann")
	first := s.talk("harry", harry, mary)
	s.refers(harry, "nobody")
	if got := harry.Told(t); got/100 < 4 {
		t.Errorf("told %d", got)
	}
	mary.Hears(t, harry)
	s.refers(harry, ann.Name)
	if got := harry.Told(t); got != 200 {
		t.Errorf("told %d", got)
	}
	office.Awaits(t, harry, telephone.Ended)
	office.Awaits(t, ann, telephone.Ringing)
	ann.Lift(t)
	mary.Hears(t, ann)
	ann.Hears(t, mary)
	if end := s.reach(first, "ended"); end.End.Reason != "transferred" || end.End.By != "caller" {
		t.Errorf("the first record: %+v", end.End)
	}
	ann.PutDown(t)
	office.Awaits(t, mary, telephone.Ended)
	s.empty()
}

// A phone talks with one, puts her aside, calls another through the dialplan's feature code, and lets the two talk with each other.
func TestAttendedTransfer(t *testing.T) {
	s := serves(t)
	harry, mary := s.person("harry"), s.person("mary")
	s.person("paul") // each has a tone that the others have not
	ann := s.person("ann")
	first := s.talk("harry", harry, mary)
	harry.Does(t, "hold", harry.Phone.Hold)
	if err := harry.Phone.SetAside(); err != nil {
		t.Fatal(err)
	}
	harry.Dial(t, ann.Name)
	office.Awaits(t, ann, telephone.Ringing)
	ann.Lift(t)
	ann.Hears(t, harry) // he hears her and, since Asterisk goes on sending to a phone that holds, Mary
	harry.Does(t, "transfer", harry.Phone.Attend)
	if got := harry.Told(t); got != 200 {
		t.Errorf("told %d", got)
	}
	mary.Hears(t, ann)
	ann.Hears(t, mary)
	if end := s.reach(first, "ended"); end.End.Reason != "transferred" {
		t.Errorf("%+v", end.End)
	}
	mary.PutDown(t)
	office.Awaits(t, ann, telephone.Ended)
	s.empty()
}

// empty waits until the PBX has no call any more.
func (s *service) empty() {
	s.t.Helper()
	api := s.asteriskAPI(s.t)
	pbx.Eventually(s.t, patience, "the PBX is empty", func() bool {
		channels, err := api.Channels(s.t.Context())
		if err != nil || len(channels) > 0 {
			return false
		}
		bridges, err := api.Bridges(s.t.Context())
		return err == nil && len(bridges) == 0
	})
}

// Behind the dialplan a transfer is the dialplan's: the leg goes on with the third party, and ends with it.
func TestTransferBehindTheDialplan(t *testing.T) {
	w := &wards{asterisk: pbx.StartAsterisk(t, pbx.Switch{Files: phones()}), dial: forms["Asterisk, dialplan"]}
	o := opens(t, w, "here")
	c := o.Bring(call.Connected)
	c.Talks()
	o.Phone(t, calltest.Rings)
	third := o.Phone(t, calltest.Rings).(*handset.Handset)
	(&service{ward: o.ward, t: t}).refers(c.A, third.Name)
	office.Awaits(t, third, telephone.Ringing)
	third.Lift(t)
	c.B.Hears(t, third)
	third.Hears(t, c.B)
	third.PutDown(t)
	c.Ends(call.Completed)
	o.Over()
}

// An older Asterisk transfers by itself: the leg goes on with whom the phone has named, and the record says so.
func TestBlindTransferByAnOlderAsterisk(t *testing.T) {
	s := servesOld(t)
	harry, mary := s.person("harry"), s.person("mary")
	s.person("paul")
	ann := s.person("ann")
	first := s.talk("harry", harry, mary)
	s.refers(harry, ann.Name)
	if got := harry.Told(t); got != 200 {
		t.Errorf("told %d", got)
	}
	harry.PutDown(t) // Asterisk leaves the BYE to the phone
	office.Awaits(t, ann, telephone.Ringing)
	ann.Lift(t)
	mary.Hears(t, ann)
	ann.Hears(t, mary)
	s.handedOn(first)
	ann.PutDown(t)
	office.Awaits(t, mary, telephone.Ended)
	if end := s.reach(first, "ended"); end.End.Reason != "completed" || end.End.By != "caller" {
		t.Errorf("%+v", end.End)
	}
	s.empty()
}

// Two calls of one phone: whom it talked with are joined, and the record is that of a transfer.
func TestAttendedTransferByAnOlderAsterisk(t *testing.T) {
	s := servesOld(t)
	harry, mary := s.person("harry"), s.person("mary")
	s.person("paul")
	ann := s.person("ann")
	first := s.talk("harry", harry, mary)
	harry.Does(t, "hold", harry.Phone.Hold)
	if err := harry.Phone.SetAside(); err != nil {
		t.Fatal(err)
	}
	harry.Dial(t, ann.Name)
	office.Awaits(t, ann, telephone.Ringing)
	ann.Lift(t)
	ann.Hears(t, harry)
	harry.Does(t, "transfer", harry.Phone.Attend)
	if got := harry.Told(t); got != 200 {
		t.Errorf("told %d", got)
	}
	mary.Hears(t, ann)
	ann.Hears(t, mary)
	mary.PutDown(t)
	office.Awaits(t, ann, telephone.Ended)
	if end := s.reach(first, "ended"); end.End.Reason != "transferred" || end.End.By != "caller" {
		t.Errorf("%+v", end.End)
	}
	s.empty()
}

// handedOn waits until a call goes on with somebody else than the caller's phone.
func (s *service) handedOn(c client.Call) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for !c.Caller.Attempts[0].Legs[0].Forwarded {
		next, err := s.api.Next(ctx, c, time.Second)
		if err != nil || next.State != "connected" {
			s.t.Fatalf("not forwarded, but %+v: %v", next, err)
		}
		c = next
	}
}
