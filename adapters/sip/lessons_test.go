package sip

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
)

// lessons says which test holds what was proved of the library by runs, section by section of the notes on it: each is a
// thing that bites in production, and that this package must not do.
var lessons = map[string]string{
	"4.1 a 200 that crosses a CANCEL is a call for ever":           "TestAnswerCrossesCancel",
	"4.1 more than ten responses end the wait, the phone rings on": "TestManyProvisionalResponses",
	"4.1 a call given up before any 1xx blocks for 32 s":           "TestHangUpWaitsForTheFirstProvisional",
	"4.1 PRACK breaks the CSeq of the ACK":                         "TestReliableRingingIsAcknowledgedOnceAndInOrder",
	"4.1 PRACK breaks the CSeq of the CANCEL":                      "TestP41CancelAfterPrack",
	"4.1 a second 200 of a fork is taken for a repetition":         "TestForkedAnswerIsReleased",
	"4.1 early dialogs are not kept by tag":                        "TestEachForkHasItsOwnEarlyDialog",
	"4.1 BYE before ACK is refused":                                "TestByeRightAfterTheAnswer",
	"4.1 BYE that is answered 100 then 200 is an error":            "TestP41ByeIsAnsweredProvisionallyFirst",
	"4.1 the remote target is not refreshed":                       "TestByeGoesToTheRefreshedContact",
	"4.1 a repeated 200 of a re-INVITE gets no ACK":                "TestP41RepeatedAnswerOfAReInvite",
	"4.1 3xx ends in an error, and is not followed":                "TestRedirectionIsNotFollowed",
	"4.2 the first challenge only is looked at":                    "TestWhichChallengeIsAnswered",
	"4.2 MD5-sess always fails":                                    "TestSession",
	"4.2 parameters of the Request-URI are left out of the digest": "TestAnswersAgree",
	"4.3 a handler that returns ends its transaction":              "TestP43AnswerLongAfterTheRinging",
	"4.3 a panic in a handler ends the process":                    "TestP43PanicCostsOneCall",
	"4.3 the 200 is repeated at T2 at once":                        "TestAnswerIsRepeatedUntilItsAck",
	"4.3 a 200 without ACK stays established":                      "TestAnswerThatIsNeverAcknowledgedIsReleased",
	"4.3 refused and cancelled dialogs stay in the cache":          "TestP43NothingIsKeptOfWhatWasRefused",
	"4.3 a CANCEL that overtakes its INVITE is lost":               "TestCancelOvertakesItsInvite",
	"4.4 what is longer than 1,300 bytes is not sent":              "TestP44LongMessagesLeave",
	"4.4 an INVITE leaves from a port of its own":                  "TestRequestsLeaveFromTheListeningPort",
	"4.4 line ends in a value reach the wire":                      "TestBadInputNeverReachesTheWire",
	"4.4 goroutines of dialogs":                                    "TestNoGoroutineBelongsToADirectCall",
	"4.5 a caller gives up 32 s after his 200 (flow I)":            "TestLadder", // the ACK comes at once
}

func TestEveryLessonHasItsTest(t *testing.T) {
	tests := map[string]bool{}
	files, _ := filepath.Glob("*_test.go")
	trunks, _ := filepath.Glob("trunk/*_test.go")
	for _, name := range append(files, trunks...) {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				tests[fn.Name.Name] = true
			}
		}
	}
	for lesson, name := range lessons {
		if !tests[name] {
			t.Errorf("%s: there is no %s", lesson, name)
		}
	}
}

func TestP41CancelAfterPrack(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	inv := p.invited()
	p.reply(inv, 180, nil, "Require: 100rel", "RSeq: 1")
	p.reply(p.request("PRACK"), 200, nil)
	h.expect("leg", call.EvRinging)
	h.do(h.stack.HangUp(t.Context(), "leg", call.Cancelled))
	cancel := p.request("CANCEL")
	if cancel.CSeq().SeqNo != inv.CSeq().SeqNo || branch(cancel) != branch(inv) {
		t.Errorf("CANCEL\n%s", cancel)
	}
	p.reply(cancel, 200, nil)
	p.reply(inv, 487, nil)
	h.ended("leg", call.Cancelled)
}

func TestP41ByeIsAnsweredProvisionallyFirst(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("mary")
	h.ring(p, "leg", "")
	p.picksUp()
	h.do(h.stack.HangUp(t.Context(), "leg", call.Completed))
	bye := p.request("BYE")
	p.reply(bye, 100, nil)
	p.reply(bye, 200, nil)
	if c := h.ended("leg", call.Completed); c.SIP != 200 {
		t.Errorf("ended with %+v", c)
	}
}

func TestP41RepeatedAnswerOfAReInvite(t *testing.T) {
	h := newHouse(t).start()
	a, b := h.phone("harry"), h.phone("mary")
	h.talking(a, b)
	h.do(h.stack.Join(t.Context(), "leg-a", "leg-b"))
	inv := a.request("INVITE")
	body := a.answer(inv)
	for range 3 { // two ACKs are lost
		a.reply(inv, 200, body)
		if ack := a.passes("ACK"); ack.CSeq().SeqNo != inv.CSeq().SeqNo {
			t.Errorf("ACK\n%s", ack)
		}
	}
}

func TestP43AnswerLongAfterTheRinging(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("mary", p.offers(), proof)
	p.gets("100")
	leg, _ := h.offered()
	h.do(h.stack.Ring(t.Context(), leg))
	p.gets("180")
	b := h.phone("other") // any exchange takes longer than a handler that just returned
	h.ring(b, "leg-b", "")
	b.picksUp()
	h.do(h.stack.Answer(t.Context(), leg))
	p.follows(p.gets("200"), "ACK", nil)
	h.expect(leg, call.EvAnswered)
}

func TestP43PanicCostsOneCall(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	p.calls("mary", p.offers(), "Authorization: panic")
	p.gets("500")
	p.calls("mary", p.offers(), proof)
	p.gets("100")
}

func TestP43NothingIsKeptOfWhatWasRefused(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	for range 3 {
		p.calls("mary", p.offers(), proof)
		p.passes("100")
		leg, _ := h.offered()
		h.do(h.stack.Refuse(t.Context(), leg, call.Busy))
		h.ended(leg, call.Busy)
	}
	h.stack.mu.Lock()
	defer h.stack.mu.Unlock()
	if len(h.stack.legs)+len(h.stack.dialogs)+len(h.stack.orphans) != 0 {
		t.Errorf("%d legs, %d dialogs, %d orphans are left", len(h.stack.legs), len(h.stack.dialogs), len(h.stack.orphans))
	}
}

func TestP44LongMessagesLeave(t *testing.T) {
	h := newHouse(t).start()
	p := h.phone("harry")
	long := "Record-Route: <sip:" + strings.Repeat("x", 900) + "@127.0.0.1;lr>"
	p.calls("mary", p.offers(), proof, long, long)
	p.gets("100")
	leg, _ := h.offered()
	h.do(h.stack.Answer(t.Context(), leg))
	if ok := p.gets("200").(*sip.Response); len(ok.String()) < 1300 {
		t.Errorf("the 200 is short: %d bytes", len(ok.String()))
	}
}
