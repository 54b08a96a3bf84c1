package phone

import (
	"testing"

	"github.com/emiago/sipgo/sip"
)

// cancelled is a transaction whose CANCEL was taken before the INVITE's handler had begun.
type cancelled struct{ sip.ServerTransaction }

func (cancelled) OnCancel(sip.FnTxCancel) bool { return false }
func (cancelled) Respond(*sip.Response) error  { return nil }

// TestACancelRightBehindTheInvite: the phone does not ring for a call that is over.
func TestACancelRightBehindTheInvite(t *testing.T) {
	p := start(t, Config{AOR: "sip:mary@hospital.example"})
	to := sip.Uri{Scheme: "sip", User: "mary", Host: "hospital.example"}
	req := sip.NewRequest(sip.INVITE, to)
	id := sip.CallIDHeader("one")
	req.AppendHeader(&sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: "harry", Host: "hospital.example"}, Params: sip.NewParams()})
	req.AppendHeader(&sip.ToHeader{Address: to, Params: sip.NewParams()})
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.INVITE})
	go p.onInvite(req, cancelled{}) // ends with the phone at the latest
	if ev := wait(t, p, Ended); ev.Status != sip.StatusRequestTerminated {
		t.Errorf("it ended with %+v", ev)
	}
}
