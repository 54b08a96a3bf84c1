package registrar

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/user"
)

// refusal is a final response that is not 200. Its reason phrase tells a telephony engineer what was wrong.
type refusal struct {
	status  int
	reason  string
	headers []sip.Header
}

func refuse(status int, reason string, headers ...sip.Header) *refusal {
	return &refusal{status, reason, headers}
}

func badRequest(reason string) *refusal { return refuse(sip.StatusBadRequest, reason) }

// retryAfter is when a phone may ask again while the store is down; short, since phones do nothing without it.
const retryAfter = 5 * time.Second

func unavailable() *refusal { return later("Store Unavailable", retryAfter) }

func later(reason string, wait time.Duration) *refusal {
	secs := int((wait + time.Second - 1) / time.Second)
	return refuse(sip.StatusServiceUnavailable, reason, sip.NewHeader("Retry-After", strconv.Itoa(secs)))
}

func (no *refusal) response(req *sip.Request) *sip.Response {
	res := sip.NewResponseFromRequest(req, no.status, no.reason, nil)
	for _, h := range no.headers {
		res.AppendHeader(h)
	}
	return res
}

// accepted is the 200 of a REGISTER: every current binding with its seconds, and the Date, by which phones without a
// clock set theirs (RFC 3261 section 10.3, step 8).
func (r *Registrar) accepted(req *sip.Request, bindings []user.Binding) *sip.Response {
	res := sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)
	now := r.now().UTC()
	flow := false
	for _, b := range bindings {
		res.AppendHeader(sip.NewHeader("Contact", contactValue(b, now)))
		flow = flow || b.RegID > 0
	}
	for _, h := range req.GetHeaders("Path") {
		res.AppendHeader(sip.NewHeader("Path", h.Value()))
	}
	if flow && supports(req, "outbound") {
		res.AppendHeader(sip.NewHeader("Require", "outbound")) // RFC 5626 section 6: the flow will be used
	}
	res.AppendHeader(sip.NewHeader("Supported", strings.Join(extensions, ", ")))
	res.AppendHeader(sip.NewHeader("Date", now.Format(http.TimeFormat))) // RFC 3261 section 20.17 has HTTP's form
	return res
}

func contactValue(b user.Binding, now time.Time) string {
	v := fmt.Sprintf("<%s>;expires=%d", b.Contact, max(0, int(b.ExpiresAt.Sub(now).Round(time.Second)/time.Second)))
	if b.Instance != "" {
		v += `;+sip.instance="` + b.Instance + `"`
	}
	if b.RegID > 0 {
		v += ";reg-id=" + strconv.Itoa(b.RegID)
	}
	return v
}

// extensions are the option tags that a REGISTER may require of us (RFC 3327, RFC 5626).
var extensions = []string{"path", "outbound"}

// checkForm refuses a request without what every answer needs (RFC 3261 section 8.1.1).
func checkForm(req *sip.Request) *refusal {
	switch {
	case req.CallID() == nil:
		return badRequest("Missing Call-ID")
	case req.CSeq() == nil:
		return badRequest("Missing CSeq")
	case req.From() == nil:
		return badRequest("Missing From")
	case req.To() == nil:
		return badRequest("Missing To")
	case req.Via() == nil:
		return badRequest("Missing Via")
	case req.CSeq().MethodName != req.Method:
		return badRequest("CSeq Method Mismatch")
	case len(req.CallID().Value()) > 255 || printable(req.CallID().Value(), 255) != req.CallID().Value():
		return badRequest("Bad Call-ID")
	}
	return nil
}

func checkRegister(req *sip.Request) *refusal {
	if no := checkForm(req); no != nil {
		return no
	}
	var unknown []string
	for _, tag := range tags(req, "Require") {
		if !slices.Contains(extensions, strings.ToLower(tag)) {
			unknown = append(unknown, printable(tag, 64))
		}
	}
	if len(unknown) > 0 {
		return refuse(sip.StatusBadExtension, "Bad Extension", sip.NewHeader("Unsupported", strings.Join(unknown, ", ")))
	}
	return nil
}

func supports(req *sip.Request, tag string) bool {
	have := append(tags(req, "Supported"), tags(req, "k")...) // k is its compact form, which the library keeps
	return slices.ContainsFunc(have, func(t string) bool { return strings.EqualFold(t, tag) })
}

// tags returns the option tags of all headers of a name.
func tags(req *sip.Request, name string) []string {
	var all []string
	for _, h := range req.GetHeaders(name) {
		all = append(all, strings.FieldsFunc(h.Value(), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })...)
	}
	return all
}

func headerValue(req *sip.Request, name string) string {
	if h := req.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// printable returns the visible ASCII of a text that a stranger sent, most bytes of it.
func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), most)]
}
