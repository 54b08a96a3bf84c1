package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// TestRefer is the click of an HIS that speaks SIP: the program asks by REFER, Harry's own phone rings first, and the two
// hear each other.
func TestRefer(t *testing.T) {
	h := open(t)
	h.addBoth()
	s := &talking{house: h, harry: h.harry(false), mary: h.mary(false)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary(t), "refer", "sip:harry@hospital.example", "Mary", "--server", h.registrar().String())
	c.Env = append(os.Environ(), "C2D_PASSWORD="+password)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for _, p := range []*pbx.Baresip{s.harry, s.mary} {
		p.Await("CALL_INCOMING", soon)
		p.Accept()
	}
	if err := <-ended; err != nil || !regexp.MustCompile(`^\S+  100 Trying\n(\S+  180 Ringing\n)?\S+  200 OK\n$`).Match(out.Bytes()) {
		t.Fatalf("%v\n%s", err, out.String())
	}
	s.hear()
	var calls client.List[client.Call]
	if err := h.api.Get(t.Context(), "/v1/calls", &calls); err != nil || len(calls.Items) != 1 {
		t.Fatalf("the records: %+v, %v", calls, err)
	}
	s.call = calls.Items[0]
	s.mary.HangUp()
	s.over("completed", "callee", "callee")
}
