package asterisk

import (
	"os"
	"testing"

	"c2d/adapters/ari/asterisktest"
	"c2d/adapters/ari/client"
	"c2d/core/call/calltest"
	"c2d/test/pbx"
)

// TestDialogues: the real Asterisk still says what it said when the dialogues were recorded, which the scripted one repeats. They
// are recorded anew into the folder that ASTERISK_DIALOGUES names.
func TestDialogues(t *testing.T) {
	w := &ward{wards: &wards{asterisk: pbx.StartAsterisk(t, pbx.Switch{Files: phones()})}}
	open := func(t *testing.T) (*client.Client, func(*testing.T, calltest.Does) calltest.Phone) {
		return w.asteriskAPI(t), w.Phone
	}
	for _, local := range []bool{false, true} {
		p := asterisktest.Partner{Local: local, Open: open, Record: os.Getenv("ASTERISK_DIALOGUES")}
		asterisktest.Dialogues(t, p, func(t *testing.T, run func(*testing.T)) { run(t) })
	}
}
