package asterisk

import (
	"context"
	"fmt"
	"testing"

	"c2d/adapters/ari/client"
	"c2d/core/identity"
	"c2d/test/office"
)

// desk is one process of ours at an Asterisk.
type desk struct {
	*office.Office
	*ward
}

// opens begins a process of an installation, with an empty store.
func opens(t *testing.T, w *wards, installation string) *desk {
	t.Helper()
	d := &desk{ward: &ward{wards: w}}
	d.Office = office.Open(t, d.ward, installation, office.NewStore())
	return d
}

// Left implements [office.Ward].
func (w *ward) Left(ctx context.Context, origin identity.Origin) string {
	api := client.New(client.Config{URL: w.asterisk.URL, Username: w.asterisk.Username, Password: w.asterisk.Password})
	defer api.Close()
	channels, err := api.Channels(ctx)
	if err != nil {
		return err.Error()
	}
	for _, c := range channels {
		if origin.Made(c.ID) {
			return "channel " + c.ID + " " + c.State
		}
	}
	bridges, err := api.Bridges(ctx)
	if err != nil {
		return err.Error()
	}
	for _, b := range bridges {
		if origin.Made(b.ID) {
			return fmt.Sprint("bridge ", b.ID, b.ChannelIDs)
		}
	}
	return ""
}
