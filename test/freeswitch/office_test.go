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
	return begins(t, &ward{wards: w, shut: true}, installation, s)
}

// opensDoor begins the process to which the dialplan hands calls.
func opensDoor(t *testing.T, w *wards) *desk {
	t.Helper()
	return begins(t, &ward{wards: w}, "here", office.NewStore())
}

func begins(t *testing.T, w *ward, installation string, s *office.Store) *desk {
	t.Helper()
	return &desk{ward: w, Office: office.Open(t, w, installation, s)}
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
