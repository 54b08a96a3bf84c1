package asterisktest

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"testing"
	"time"

	"c2d/adapters/ari/client"
	"c2d/core/call/calltest"
	"c2d/core/call/calltest/cable"
	"c2d/core/call/calltest/desk"
)

// Who may ask, and where.
const (
	URL      = "http://asterisk.test/ari"
	Username = "c2d"
	Password = "secret-of-ari"
)

// Asterisk is one scripted PBX. Safe for concurrent use.
type Asterisk struct {
	// Before is called before each request, if it is set; before the first of them. It may wait, as an Asterisk that hangs does. What
	// it returns other than 0 is the answer.
	Before func(*http.Request) int

	port   *cable.Port
	server *http.Server

	mu         sync.Mutex
	phones     map[string]*desk.Phone
	channels   []*channel // in the order in which they were made
	bridges    []*bridge
	playbacks  map[string]*playback
	recordings []*recording
	noSpool    bool // there is no folder for them
	apps       map[string]*app
	names      int  // of channels so far
	other      bool // the next two events that come in either order come in the other
}

// New starts an Asterisk that ends with the test.
func New(t *testing.T) *Asterisk {
	t.Helper()
	a := &Asterisk{port: cable.NewPort("asterisk"), phones: map[string]*desk.Phone{}, playbacks: map[string]*playback{}, apps: map[string]*app{}}
	a.server = &http.Server{Handler: a.routes(), ErrorLog: log.New(io.Discard, "", 0)}
	var work sync.WaitGroup
	work.Go(func() { _ = a.server.Serve(a.port) })
	t.Cleanup(func() {
		_ = a.server.Close()
		work.Wait()
	})
	return a
}

// Phone registers a phone under the next free extension.
func (a *Asterisk) Phone(does calltest.Does) *desk.Phone {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := desk.New(a, fmt.Sprint(20001+len(a.phones)), does)
	a.phones[p.Address()] = p
	return p
}

// Cable lays a way to the Asterisk.
func (a *Asterisk) Cable() *cable.Cable { return a.port.Cable() }

// Client returns how the Asterisk is reached over a cable.
func (a *Asterisk) Client(c *cable.Cable) client.Config {
	return client.Config{URL: URL, Username: Username, Password: Password, Dial: c.Dial}
}

// Dial implements [desk.System]: the feature code hands every number to the application.
func (a *Asterisk) Dial(p *desk.Phone, number string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.pjsip("", p)
	c.state, c.exten, c.pbx, c.ident = "Ring", number, true, ident{Number: p.Address()}
	p.Calls(line{a, c})
	if to := a.apps["c2d"]; to == nil || to.socket == nil {
		a.gone(c, 0, 0)
		return
	}
	a.enter(c, "c2d", []string{"dial", number})
}

// now is written as Asterisk does.
func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000-0700") }
