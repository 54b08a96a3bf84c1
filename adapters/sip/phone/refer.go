package phone

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Refer asks the server to place a call from this phone to whom the Refer-To value names, such as
// "<sip:Mary@hospital.example>" (RFC 3515), and returns once the server has accepted it. The phone then rings first;
// Told events say how the call gets on. Errors: *[Refused].
func (p *Phone) Refer(ctx context.Context, to string) error {
	if strings.ContainsAny(to, "\r\n") {
		return fmt.Errorf("phone: %q cannot stand in a header", to)
	}
	req := sip.NewRequest(sip.REFER, sip.Uri{Scheme: "sip", Host: p.aor.Host, Port: p.aor.Port})
	from := sip.FromHeader{Address: p.aor, Params: sip.NewParams()}
	from.Params.Add("tag", sip.GenerateTagN(12))
	id := sip.CallIDHeader(sip.GenerateTagN(20))
	req.AppendHeader(&from)
	req.AppendHeader(&sip.ToHeader{Address: p.aor})
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: sip.REFER})
	req.AppendHeader(p.contact())
	req.AppendHeader(sip.NewHeader("Refer-To", to))
	req.SetDestination(p.cfg.Registrar.String())
	res, _, err := p.exchange(ctx, req, nil)
	if err == nil && !res.IsSuccess() {
		err = &Refused{Status: res.StatusCode}
	}
	return err
}

// Transfer asks the server to give the other side of the present call to whom the Refer-To value names (RFC 5589), and
// returns once the server has accepted it; Told events say what comes of it. Errors: [ErrNoCall], *[Refused].
func (p *Phone) Transfer(ctx context.Context, to string) error {
	p.mu.Lock()
	c := p.call
	p.mu.Unlock()
	if c == nil || strings.ContainsAny(to, "\r\n") {
		return ErrNoCall
	}
	return c.refer(ctx, to)
}

// onNotify takes what the server tells of a REFER: the body is the status line of the call (RFC 3515 section 2.4.5).
func (p *Phone) onNotify(req *sip.Request, tx sip.ServerTransaction) {
	line := strings.Fields(string(req.Body()))
	event := req.GetHeader("Event")
	if len(line) < 2 || event == nil || !strings.HasPrefix(event.Value(), "refer") {
		p.onOther(req, tx)
		return
	}
	p.respond(tx, req, "", sip.StatusOK, nil)
	if status, err := strconv.Atoi(line[1]); err == nil {
		p.journal.tell(Event{Kind: Told, Call: req.CallID().Value(), Status: status, Reason: strings.Join(line[2:], " ")})
	}
}
