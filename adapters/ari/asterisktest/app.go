package asterisktest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

// app is a Stasis application. It outlives its websocket, with all that it has subscribed to; what happens meanwhile is told to
// nobody.
type app struct {
	name    string
	allowed []string        // types of events; nil is all
	hears   map[string]bool // channels that it has subscribed to
	socket  *socket         // nil while it is not connected
}

// socket is one websocket.
type socket struct {
	queue chan []byte
	shut  context.CancelFunc
}

// most is how much a client may leave unread before Asterisk gives it up.
const most = 10_000

func (s *socket) say(text []byte) {
	select {
	case s.queue <- text:
	default:
		s.shut()
	}
}

// events serves a websocket. Whoever had its applications hears that they have gone, and nothing more.
func (a *Asterisk) events(w http.ResponseWriter, r *http.Request) {
	if status := a.allowed(r); status != 0 {
		w.WriteHeader(status)
		return
	}
	ctx, shut := context.WithCancel(context.Background())
	defer shut()
	s := &socket{queue: make(chan []byte, most), shut: shut}
	a.connect(s, strings.Split(r.URL.Query().Get("app"), ",")) // before the client can ask for anything
	defer a.disconnect(s)
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	for ctx = conn.CloseRead(ctx); ; {
		select {
		case text := <-s.queue:
			if conn.Write(ctx, websocket.MessageText, text) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (a *Asterisk) connect(s *socket, names []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range names {
		to := a.apps[name]
		if to == nil {
			to = &app{name: name, hears: map[string]bool{}}
			a.apps[name] = to
		}
		if to.socket != nil {
			to.tell("ApplicationReplaced", nil)
		}
		to.socket = s
	}
}

func (a *Asterisk) disconnect(s *socket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, of := range a.apps {
		if of.socket == s {
			of.socket = nil
		}
	}
}

// facts are what an event says beside its type.
type facts map[string]any

// tell sends one event.
func (x *app) tell(kind string, f facts) {
	if x.socket == nil || x.allowed != nil && !slices.Contains(x.allowed, kind) {
		return
	}
	all := facts{"type": kind, "timestamp": now(), "asterisk_id": "02:fc:00:00:00:01", "application": x.name}
	maps.Copy(all, f)
	raw, err := json.Marshal(all)
	if err != nil {
		panic(err) // of our own making
	}
	x.socket.say(raw)
}

// tell sends an event to every application that hears of one of the channels; a.mu is held.
func (a *Asterisk) tell(kind string, f facts, about ...*channel) {
	for _, to := range a.apps {
		if slices.ContainsFunc(about, func(c *channel) bool { return c != nil && to.hears[c.id] }) {
			to.tell(kind, f)
		}
	}
}

// tellIn sends an event of a bridge, or of what plays, to the applications that have a channel in it.
func (a *Asterisk) tellIn(kind string, f facts, inside ...*channel) {
	for _, to := range a.apps {
		if slices.ContainsFunc(inside, func(c *channel) bool { return c.app == to.name }) {
			to.tell(kind, f)
		}
	}
}

// Say sends a text as an event of an application.
func (a *Asterisk) Say(application, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if to := a.apps[application]; to != nil && to.socket != nil {
		to.socket.say([]byte(text))
	}
}

// swap runs two steps, in either order in turn.
func (a *Asterisk) swap(one, two func()) {
	if a.other = !a.other; a.other {
		one, two = two, one
	}
	one()
	two()
}

// Deafen closes the websocket of an application; requests are answered as ever.
func (a *Asterisk) Deafen(application string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if to := a.apps[application]; to != nil && to.socket != nil {
		to.socket.shut()
		to.socket = nil
	}
}
