package freeswitchtest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"c2d/adapters/esl/client"
	"c2d/core/call/calltest"
	"c2d/core/call/calltest/cable"
	"c2d/core/call/calltest/desk"
)

// Password is that of the event socket.
const Password = "secret-of-esl"

// How long what was ordered takes.
const (
	poll   = 20 * time.Millisecond // until events are sent
	step   = 10 * time.Millisecond // of a channel's state machine
	bridge = 40 * time.Millisecond
	list   = 60 * time.Millisecond // that the list of channels lags behind
)

// FreeSWITCH is one scripted PBX. Safe for concurrent use.
type FreeSWITCH struct {
	// Before is called with each command before it is obeyed, if it is set; before the first of them. It may wait, as a FreeSWITCH that
	// hangs does.
	Before func(command string)

	// Says is what it answers to commands of its API in place of what it would; set before the first of them.
	Says map[string]string

	port *cable.Port
	work sync.WaitGroup

	mu         sync.Mutex
	core       string                   // its UUID
	globals    map[string]string        // variables
	phones     map[string][]*desk.Phone // by extension, in the order in which they registered
	channels   []*channel               // in the order in which they were made, and those that have just gone
	sessions   map[*session]bool
	recordings []*recording
	noFolder   bool                                                    // for them
	socket     func(context.Context, string, string) (net.Conn, error) // where its dialplan hands calls over
	sequence   int                                                     // of events
	other      bool                                                    // the next two things that come in either order come in the other
}

// New starts a FreeSWITCH that ends with the test.
func New(t *testing.T) *FreeSWITCH {
	t.Helper()
	f := &FreeSWITCH{globals: map[string]string{"domain": Domain}, port: cable.NewPort("freeswitch"), core: "0e4d7a9c-core", phones: map[string][]*desk.Phone{}, sessions: map[*session]bool{}}
	f.work.Go(func() { // ends with the port
		for {
			conn, err := f.port.Accept()
			if err != nil {
				return
			}
			f.work.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = f.port.Close()
		f.mu.Lock()
		for s := range f.sessions {
			_ = s.conn.Close()
		}
		for _, c := range f.channels {
			c.letGo()
		}
		f.mu.Unlock()
		f.work.Wait()
	})
	return f
}

// Cable lays a way to the event socket.
func (f *FreeSWITCH) Cable() *cable.Cable { return f.port.Cable() }

// Client returns how the event socket is reached over a cable.
func (f *FreeSWITCH) Client(c *cable.Cable) client.Config {
	return client.Config{Address: "freeswitch", Password: Password, Dial: c.Dial}
}

// HandTo says where the dialplan's socket application connects from now on.
func (f *FreeSWITCH) HandTo(c *cable.Cable) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.socket = c.Dial
}

// Filters returns the filters of every connection to the event socket, as they were ordered.
func (f *FreeSWITCH) Filters() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.sessions {
		for _, x := range s.filters {
			all = append(all, x.header+" "+x.of)
		}
	}
	return all
}

// Phone registers a phone under the next free extension.
func (f *FreeSWITCH) Phone(does calltest.Does) *desk.Phone {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := desk.New(f, fmt.Sprint(20001+len(f.phones)), does)
	f.phones[p.Address()] = []*desk.Phone{p}
	return p
}

// later does something after a while, unless it is overtaken by events: whoever is concerned looks again.
func (f *FreeSWITCH) later(d time.Duration, do func()) *time.Timer {
	return time.AfterFunc(d, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		do()
	})
}

// swap does two things that come in either order from a real one: the second first, every other time.
func (f *FreeSWITCH) swap(first, second func()) {
	f.other = !f.other
	if f.other {
		first, second = second, first
	}
	first()
	second()
}
