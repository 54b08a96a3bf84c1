package freeswitch

import (
	"context"
	"encoding/json"
	"testing"

	"c2d/core/identity"
	"c2d/test/office"
)

// desk is one process of ours at a FreeSWITCH.
type desk struct {
	*office.Office
	*ward
}

// opens begins a process of an installation on a store.
func opens(t *testing.T, w *wards, installation string, s *office.Store) *desk {
	t.Helper()
	d := &desk{ward: &ward{wards: w, shut: true}}
	d.Office = office.Open(t, d.ward, installation, s)
	return d
}

// Left implements [office.Ward].
func (w *ward) Left(_ context.Context, origin identity.Origin) string {
	text, err := w.freeswitch.API("show channels as json")
	if err != nil {
		return err.Error()
	}
	var all struct {
		Rows []struct{ UUID, State, Name string }
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return err.Error()
	}
	for _, c := range all.Rows {
		if origin.Made(c.UUID) {
			return "channel " + c.UUID + " " + c.Name + " " + c.State
		}
	}
	return ""
}
