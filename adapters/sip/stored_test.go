package sip

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/call"
)

// TestEachStoredFieldIsUsed blanks one field of the resume blobs after the other, starts the next process with what is
// left, and holds that somebody notices: what is stored and makes no difference is not needed, and what is needed has a
// test here.
func TestEachStoredFieldIsUsed(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts some hundred stacks: run without -short")
	}
	unused := fieldsOf(reflect.TypeFor[blob](), "")
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) { s.blank(t, unused) })
	}
	for _, field := range slices.Sorted(maps.Keys(unused)) {
		if why := needless[field]; why == "" {
			t.Errorf("%s is stored, and nobody notices when it is not", field)
		}
	}
}

// needless are the fields that the type has and a blob of that place never fills.
var needless = map[string]string{
	"dialog.remote.name": "what the other side calls itself is not kept: To has a URI alone",
	"invite.to.name":     "likewise",
	"early.local.name":   "as in dialog, which is the same type",
	"early.remote.name":  "likewise",
	"early.remote_seq":   "a phone sends nothing in an early dialog before the answer that we would keep",
}

// fieldsOf returns the paths of all that a type stores, by their JSON names.
func fieldsOf(t reflect.Type, path string) map[string]bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	all := map[string]bool{}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[netip.Addr]() {
		all[path] = true
		return all
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		maps.Copy(all, fieldsOf(f.Type, strings.TrimPrefix(path+"."+name, ".")))
	}
	return all
}

// without returns a blob without one field; false if it was not there, or said nothing.
func without(t *testing.T, raw []byte, field string) ([]byte, bool) {
	t.Helper()
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	there := drop(tree, strings.Split(field, "."))
	out, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return out, there
}

func drop(tree any, path []string) (there bool) {
	switch node := tree.(type) {
	case []any:
		for _, n := range node {
			there = drop(n, path) || there
		}
	case map[string]any:
		v, ok := node[path[0]]
		if len(path) > 1 {
			return drop(v, path[1:])
		}
		delete(node, path[0])
		return ok && v != nil && !reflect.ValueOf(v).IsZero()
	}
	return there
}

// story is a call that a process leaves behind, and what its phones then see of the next process.
type story struct {
	name   string
	change func(*Config)
	tell   func(*witness) // up to the end of the first process
	watch  func(*witness)
	prompt bool   // sessions are refreshed at once
	blob   string // the leg whose blob is given to Originate, if not to Start
}

// witness notes what is seen, and ends a telling that goes otherwise than the first.
type witness struct {
	*house
	a, b, c *phone
	cseq    int
	first   []string // what is seen when nothing is missing
	n       int
	sure    bool // first is complete
	raw     []byte
}

type otherwise struct{}

// blank tells the story with nothing missing, twice, and then without each field that nobody has noticed yet.
func (s story) blank(t *testing.T, unused map[string]bool) {
	w := &witness{house: newHouse(t, s.changed)}
	if s.prompt {
		w.stack.waits.takeUp, w.stack.waits.second = time.Millisecond, 2*time.Millisecond
	}
	w.start()
	w.a, w.b, w.c = w.phone("harry"), w.phone("mary"), w.phone("ida")
	s.tell(w)
	w.cseq = w.a.cseq
	open := w.left()
	if s.blob != "" {
		w.raw = w.sink.resume[s.blob]
	}
	for range 2 {
		if !s.again(w, open, w.raw) {
			t.Fatalf("the story differs by itself; first\n%s", strings.Join(w.first, "\n"))
		}
		w.sure = true
	}
	if s.blob != "" {
		for field := range unused {
			if raw, there := without(t, w.raw, field); there && !s.again(w, open, raw) {
				delete(unused, field)
			}
		}
		return
	}
	for i := range open {
		for field := range unused {
			less := slices.Clone(open)
			there := false
			if less[i].Resume, there = without(t, open[i].Resume, field); there && !s.again(w, less, nil) {
				delete(unused, field)
			}
		}
	}
}

func (s story) changed(c *Config) {
	if s.change != nil {
		s.change(c)
	}
}

// again lets the next process begin with the legs, and reports whether all is seen as the first time.
func (s story) again(w *witness, open []call.OpenLeg, raw []byte) (same bool) {
	w.n = 0
	w.sink = newSink()
	w.reborn(open, func() {
		for _, p := range []*phone{w.a, w.b, w.c} {
			p.cseq, p.seen = w.cseq, map[string]bool{}
			p.deaf()
		}
	})
	w.raw = raw
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(otherwise); !ok {
				panic(p)
			}
			same = false
		}
	}()
	s.watch(w)
	return !w.sure || w.n == len(w.first)
}

// deaf forgets what it was sent.
func (p *phone) deaf() {
	for {
		select {
		case <-p.in:
		default:
			return
		}
	}
}

var random = regexp.MustCompile(`(branch=)[0-9A-Za-z.]+`)

func (w *witness) note(what string) {
	if !w.sure {
		w.first = append(w.first, what)
	} else if w.n >= len(w.first) || w.first[w.n] != what {
		panic(otherwise{})
	}
	w.n++
}

// sees notes the next message at a phone, whole; nil when there is none, which the first telling does not forgive.
func (w *witness) sees(p *phone, exact ...bool) sip.Message {
	for {
		select {
		case m := <-p.in:
			if p.repeated(m) {
				continue
			}
			text := m.String()
			if len(exact) == 0 {
				text = random.ReplaceAllString(text, "$1")
			}
			w.note(p.name + " sees\n" + text)
			return m
		case <-time.After(w.patience()):
			w.lacks(p.name + " sees nothing")
		}
	}
}

func (w *witness) patience() time.Duration {
	if w.sure {
		return 500 * time.Millisecond
	}
	return limit
}

func (w *witness) lacks(what string) {
	if !w.sure {
		w.t.Fatalf("%s\n%s\n%s", what, strings.Join(w.first, "\n"), w.drawn())
	}
	panic(otherwise{})
}

// tells notes the next event of a leg, but for what becomes of its audio.
func (w *witness) tells(leg string) {
	end := time.Now().Add(w.patience())
	for time.Now().Before(end) {
		if ev, ok := w.sink.take(leg); ok && ev.Kind != call.EvMedia { // comes when it comes
			w.note(fmt.Sprint(leg, " tells ", ev.Kind, ev.Cause, ev.Text))
			return
		}
		select {
		case <-w.sink.news:
		case <-time.After(5 * time.Millisecond):
		}
	}
	w.lacks(leg + " tells nothing")
}

// hears notes the first sound that a phone gets while others speak, packet by packet.
func (w *witness) hears(p *phone, speak func(seq uint16)) {
	buf, end := make([]byte, 2048), time.Now().Add(w.patience())
	for seq := uint16(1); time.Now().Before(end); {
		speak(seq)
		seq++
		_ = p.ear.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		for n, err := p.ear.Read(buf); err == nil; n, err = p.ear.Read(buf) {
			if n > 19 && buf[19] >= 0x60 && buf[19] < 0x70 { // what phones say; tones are none of it
				w.note(fmt.Sprintf("%s hears %x of type %d", p.name, buf[19], buf[1]&0x7f))
				return
			}
		}
	}
	w.lacks(p.name + " hears nothing")
}

// request sees a request.
func (w *witness) request(p *phone) *sip.Request {
	r, ok := w.sees(p).(*sip.Request)
	if !ok {
		w.lacks(p.name + " sees no request")
	}
	return r
}

// over ends the call from a phone, and from us.
func (w *witness) over() {
	w.b.within("BYE", nil)
	w.sees(w.b)
	w.tells("leg-b")
	w.do(w.stack.HangUp(w.t.Context(), "leg-a", call.Completed))
	bye := w.request(w.a)
	w.a.reply(bye, 200, nil)
	w.tells("leg-a")
}
