package demo

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"c2d/cmd/c2d/client"
)

// colours are ANSI sequences by what they mark.
var colours = map[string]string{"Harry": "36", "Mary": "35", "sound": "32", "state": "1", "dim": "2", "bad": "31", "good": "32"}

// printer writes the ladder line by line, from one goroutine, so that what tells it never waits for a slow terminal.
// Safe for concurrent use until close.
type printer struct {
	out    io.Writer
	colour bool
	start  time.Time
	lines  chan string
	done   chan struct{}

	mu      sync.Mutex
	columns map[netip.AddrPort]string
	silent  bool
}

func newPrinter(out io.Writer, colour bool) *printer {
	p := &printer{out: out, colour: colour, start: time.Now(), lines: make(chan string, 4096), done: make(chan struct{}),
		columns: map[netip.AddrPort]string{}}
	go func() { // ends with close, which waits for it
		defer close(p.done)
		for line := range p.lines {
			_, _ = fmt.Fprintln(p.out, line)
		}
	}()
	return p
}

// close prints what was told and returns. Nothing may be told after it.
func (p *printer) close() {
	close(p.lines)
	<-p.done
}

// quiet drops what phones and the service tell from now on: they are being taken down.
func (p *printer) quiet() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = true
}

// column says whose phone has a SIP address.
func (p *printer) column(addr netip.AddrPort, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.columns[addr] = name
}

func (p *printer) nameOf(addr netip.AddrPort) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.columns[addr]
}

func (p *printer) paint(what, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + colours[what] + "m" + text + "\x1b[0m"
}

// plain prints a line as it is. A terminal that cannot follow 4,096 lines loses some rather than hold up a call.
func (p *printer) plain(line string) {
	select {
	case p.lines <- line:
	default:
	}
}

// timed prints a line of the ladder with the milliseconds since the start.
func (p *printer) timed(at time.Time, line string) {
	p.mu.Lock()
	silent := p.silent
	p.mu.Unlock()
	if !silent {
		p.plain(p.paint("dim", fmt.Sprintf("%7d", at.Sub(p.start).Milliseconds())) + "  " + strings.TrimRight(line, " "))
	}
}

func (p *printer) heading(text string) {
	p.plain("")
	p.plain(p.paint("state", text))
	p.plain("")
	if text != "Now you" {
		p.plain("     ms  " + header())
	}
}

func (p *printer) note(text string)  { p.timed(time.Now(), "· "+text) }
func (p *printer) sound(text string) { p.timed(time.Now(), p.paint("sound", "♪ "+text)) }

func (p *printer) state(c client.Call) {
	text := "call " + c.ID[:8] + "… is " + c.State
	if c.End != nil {
		text += ": " + c.End.Reason + " by " + c.End.By
	}
	p.timed(time.Now(), p.paint("state", "= "+text))
}

// record prints the call record.
func (p *printer) record(c client.Call) {
	p.plain("")
	p.plain(p.paint("state", "The record"))
	p.plain("")
	p.plain("  call       " + c.ID)
	p.plain(fmt.Sprintf("  from       %s, login harry", c.Caller.Name))
	p.plain(fmt.Sprintf("  to         %s, %s", c.Callee.Name, c.Callee.Number))
	if c.End != nil {
		p.plain(fmt.Sprintf("  %-10s %s by %s", c.State, c.End.Reason, c.End.By))
	}
	for i, s := range steps(c) {
		line := "  " + pad(s.name, 15) + s.at.UTC().Format("15:04:05.000")
		if i > 0 {
			line += fmt.Sprintf("  +%.1f s", s.at.Sub(c.CreatedAt).Seconds())
		}
		p.plain(line)
	}
	for _, l := range append(c.Caller.Legs(), c.Callee.Legs()...) {
		p.plain(fmt.Sprintf("  leg        %s, rang %.1f s, talked %.1f s", l.ID, l.AnsweredAt.Sub(l.RingingAt).Seconds(), l.EndedAt.Sub(l.AnsweredAt).Seconds()))
	}
}

// verdict prints what must be so, and whether it is.
func (p *printer) verdict(v verdict) {
	p.plain("")
	for _, f := range v {
		if f.err != nil {
			p.plain("  " + p.paint("bad", "NO   ") + f.what + ": " + f.err.Error())
			continue
		}
		p.plain("  " + p.paint("good", "yes  ") + f.what)
	}
}
