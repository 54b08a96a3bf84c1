package dialog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// RSeq returns the number of a provisional response that must be acknowledged with PRACK (RFC 3262 section 7.1); false for
// all others.
func RSeq(res *sip.Response) (uint32, bool) {
	if res.StatusCode <= 100 || res.StatusCode >= 200 || !Lists(res, "Require", "100rel") {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(first(res, "RSeq")), 10, 32)
	return uint32(n), err == nil && n > 0
}

// RAck says which provisional response a PRACK acknowledges (RFC 3262 section 7.2).
type RAck struct {
	RSeq, CSeq uint32
	Method     sip.RequestMethod
}

// Header returns it as a header.
func (r RAck) Header() Header {
	return Header{Name: "RAck", Value: fmt.Sprintf("%d %d %s", r.RSeq, r.CSeq, r.Method)}
}

// RAckOf reads the header of a PRACK; false when there is none that can be read.
func RAckOf(req *sip.Request) (r RAck, ok bool) {
	f := strings.Fields(first(req, "RAck"))
	if len(f) != 3 {
		return r, false
	}
	rseq, e1 := strconv.ParseUint(f[0], 10, 32)
	cseq, e2 := strconv.ParseUint(f[1], 10, 32)
	return RAck{uint32(rseq), uint32(cseq), sip.RequestMethod(f[2])}, e1 == nil && e2 == nil
}
