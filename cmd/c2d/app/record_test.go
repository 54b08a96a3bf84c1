package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// recordedCall is what the API tells of one.
type recordedCall struct {
	State      string   `json:"state"`
	Can        []string `json:"can"`
	Recordings []struct {
		ID    string `json:"id"`
		State string `json:"state"`
		Why   string `json:"why"`
	} `json:"recordings"`
}

// An order over the API ends as a file, which both hear of, and the two talk directly again afterwards.
func TestACallIsRecorded(t *testing.T) {
	cfg := free(t)
	dir := filepath.Join(t.TempDir(), "kept")
	cfg.Media.Recordings, cfg.SIP.Media.Recordings = dir, dir
	if problems := app.Check(t.Context(), cfg); len(problems) > 0 {
		t.Errorf("nothing is wrong, but: %q", problems)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a check made the folder")
	}
	a := start(t, cfg)
	c := api(t, a)
	placed, harry, mary := talking(t, a, c)
	var now recordedCall
	order := func(on bool) {
		t.Helper()
		if err := c.Post(t.Context(), "/v1/calls/"+placed.ID+"/record", map[string]bool{"on": on}, &now); err != nil {
			t.Fatal(err)
		}
	}
	becomes := func(want string) {
		t.Helper()
		pbx.Eventually(t, 20*time.Second, "the recording is "+want, func() bool {
			err := c.Get(t.Context(), "/v1/calls/"+placed.ID, &now)
			return err == nil && len(now.Recordings) == 1 && now.Recordings[0].State == want
		})
	}
	order(true)
	becomes("running")
	if !slices.Contains(now.Can, "record") {
		t.Errorf("can %q", now.Can)
	}
	for _, p := range []*phone.Phone{harry, mary} {
		hear(t, p, phone.Expect{Hz: 1400})
	}
	order(true)
	order(false)
	becomes("ended")
	info, err := os.Stat(filepath.Join(dir, now.Recordings[0].ID+".wav"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() < 1000 {
		t.Errorf("the file: %+v, %v", info, err)
	}
	hear(t, harry, phone.Expect{Hz: 1000, From: mary.RTP(), After: time.Now()})
	if _, err := c.HangUp(t.Context(), placed.ID); err != nil {
		t.Fatal(err)
	}
}

// Where nobody says where recordings lie, there are none.
func TestRecordingIsOff(t *testing.T) {
	a := start(t, free(t))
	c := api(t, a)
	placed, _, _ := talking(t, a, c)
	err := c.Post(t.Context(), "/v1/calls/"+placed.ID+"/record", map[string]bool{"on": true}, nil)
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 409 || p.Code != "not_supported" {
		t.Errorf("it is answered with %v", err)
	}
	if _, err := c.HangUp(t.Context(), placed.ID); err != nil {
		t.Fatal(err)
	}
}
