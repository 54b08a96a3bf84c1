package freeswitchtest

import (
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"c2d/adapters/esl/client"
	"c2d/core/call/calltest"
	"c2d/core/call/calltest/cable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDialogues(t *testing.T) { Dialogues(t, Partner{Open: place}, synctest.Test) }

func place(t *testing.T) Place {
	f, door := New(t), cable.NewPort("c2d")
	f.HandTo(door.Cable())
	return Place{Folder: "/recordings", Socket: f.Client(f.Cable()), Door: client.NewDoor(door), Phone: func(_ *testing.T, does calltest.Does) calltest.Phone { return f.Phone(does) }}
}
