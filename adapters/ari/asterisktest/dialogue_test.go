package asterisktest_test

import (
	"testing"
	"testing/synctest"

	"c2d/adapters/ari/asterisktest"
	"c2d/adapters/ari/client"
	"c2d/core/call/calltest"
)

// TestDialogues: the scripted Asterisk says what the real one said when the dialogues were recorded.
func TestDialogues(t *testing.T) {
	for _, local := range []bool{false, true} {
		asterisktest.Dialogues(t, asterisktest.Partner{Local: local, Open: opens}, synctest.Test)
	}
}

func opens(t *testing.T) (*client.Client, func(*testing.T, calltest.Does) calltest.Phone) {
	a := asterisktest.New(t)
	return client.New(a.Client(a.Cable())), func(_ *testing.T, does calltest.Does) calltest.Phone { return a.Phone(does) }
}
