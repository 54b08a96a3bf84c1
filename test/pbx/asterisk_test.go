package pbx

import (
	"fmt"
	"testing"
	"time"
)

// TestTwoPhonesOfAnAsteriskTalk shows that the stand-alone files of pbx-configs make a PBX by themselves: its phones register
// and one calls the other by its extension; after a power cut the same.
func TestTwoPhonesOfAnAsteriskTalk(t *testing.T) {
	a := StartAsterisk(t, Switch{})
	ward := StartBaresip(t, Phone{User: "101", Password: "replace-this-password-101", Domain: a.Addr.Addr().String(), Registrar: a.Addr, Tone: 440})
	mary := StartBaresip(t, Phone{User: "102", Password: "replace-this-password-102", Domain: a.Addr.Addr().String(), Registrar: a.Addr, Tone: 880})
	ward.Dial(fmt.Sprintf("sip:102@%s", a.Addr))
	mary.Await("CALL_INCOMING", 5*time.Second)
	mary.Accept()
	ward.Await("CALL_ESTABLISHED", 5*time.Second)
	Eventually(t, 10*time.Second, "the ward hears 880 Hz for a second", func() bool { return Hears(ward.Heard(), time.Second, 880, 440) })
	Eventually(t, 10*time.Second, "Mary hears 440 Hz for a second", func() bool { return Hears(mary.Heard(), time.Second, 440, 880) })
	ward.HangUp()
	mary.Await("CALL_CLOSED", 5*time.Second)

	a.Kill()
	a.Start(t)
	mary.Dial(fmt.Sprintf("sip:101@%s", a.Addr)) // its registration outlives the power cut in Asterisk's database
	ward.Await("CALL_INCOMING", 10*time.Second)
}
