package freeswitch

import (
	"os"
	"testing"

	"c2d/adapters/esl/client"
	"c2d/adapters/esl/freeswitchtest"
)

// TestDialogues speaks with a real FreeSWITCH as adapters/esl/freeswitchtest does with the scripted one. With FREESWITCH_DIALOGUES, a
// folder, the dialogues are recorded anew.
func TestDialogues(t *testing.T) {
	w := &ward{wards: newWards(t), kept: t.TempDir()}
	freeswitchtest.Dialogues(t, freeswitchtest.Partner{Record: os.Getenv("FREESWITCH_DIALOGUES"), Open: func(t *testing.T) freeswitchtest.Place {
		door, err := client.Open(w.door)
		if err != nil {
			t.Fatal(err)
		}
		return freeswitchtest.Place{Socket: client.Config{Address: w.freeswitch.Socket.String(), Password: w.freeswitch.Password}, Door: door, Phone: w.Phone, Folder: w.kept}
	}}, func(t *testing.T, run func(*testing.T)) { run(t) })
}
