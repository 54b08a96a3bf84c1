package app_test

import (
	"net"
	"slices"
	"testing"
	"time"

	"c2d/adapters/sip"
	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/config"
	"c2d/test/pbx"
)

// sips gives a configuration other entries of kind sip, and the ones of other kinds that it has.
func sips(cfg *config.Config, entries ...sip.Entry) {
	cfg.Backends = slices.DeleteFunc(slices.Clone(cfg.Backends), func(b config.Backend) bool { return b.SIP != nil })
	cfg.SIP.Entries = entries
	for _, e := range entries {
		cfg.Backends = append(cfg.Backends, config.Backend{Name: e.Name, Kind: "sip", SIP: &e})
	}
}

var house = sip.Entry{Name: "house", Kind: "sip"}

// TestPhonesAreThereAfterAReload of a service that had none; they go with the last entry, once their calls have ended, and come back.
func TestPhonesAreThereAfterAReload(t *testing.T) {
	a, c, f := reloadable(t)
	at := a.SIP().String()
	f.edit(func(cfg *config.Config) { sips(cfg) })
	if done := reload(t, c); !slices.Equal(done.Changed, []string{"backend house: takes no new calls"}) || len(done.Draining) > 0 {
		t.Errorf("%+v", done)
	}
	free := func() bool {
		l, err := net.ListenPacket("udp", at)
		if err == nil {
			_ = l.Close()
		}
		return err == nil
	}
	pbx.Eventually(t, 5*time.Second, "its port is free", free)
	f.edit(func(cfg *config.Config) { sips(cfg, house) })
	if done := reload(t, c); !slices.Equal(done.Added, []string{"backend house"}) {
		t.Errorf("%+v", done)
	}
	placed, harry, mary := talking(t, a, c)
	f.edit(func(cfg *config.Config) { sips(cfg) })
	at = a.SIP().String()
	if done := reload(t, c); !slices.Equal(done.Draining, []string{"backend house"}) || free() {
		t.Errorf("%+v", done)
	}
	f.edit(func(cfg *config.Config) { sips(cfg, house) })
	if done := reload(t, c); !slices.Equal(done.Added, []string{"backend house"}) || len(done.Draining) > 0 {
		t.Errorf("%+v", done)
	}
	hear(t, harry, phone.Expect{Hz: 1000, From: mary.RTP(), After: time.Now()})
	f.edit(func(cfg *config.Config) { sips(cfg) })
	reload(t, c)
	hear(t, mary, phone.Expect{Hz: 600, From: harry.RTP(), After: time.Now()})
	if err := mary.HangUp(within(t)); err != nil {
		t.Fatal(err)
	}
	if end := reach(t, c, placed, "ended"); end.End.Reason != "completed" {
		t.Errorf("%+v", end.End)
	}
	pbx.Eventually(t, 5*time.Second, "its port is free", free)
}
