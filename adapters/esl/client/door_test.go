package client

import (
	"bufio"
	"io"
	"net"
	"sync"
	"testing"
)

// TestADoor: a call is handed over, and given back by closing; who says nonsense is turned away.
func TestADoor(t *testing.T) {
	d, err := Open("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handed := make(chan *Handed, 1)
	var serving sync.WaitGroup
	serving.Go(func() { d.Serve(func(h *Handed) { handed <- h }) })
	defer serving.Wait()
	defer d.Close()
	comes := func(says string) (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", d.l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		r := bufio.NewReader(conn)
		if head, err := readHead(r); err != nil || string(head) != "connect\n" {
			t.Fatalf("%q %v", head, err)
		}
		_, _ = io.WriteString(conn, says)
		return conn, r
	}
	for _, bad := range []string{"Unique-ID: a b\n\n", "Unique-ID: \n\n", "Unique-ID: -ab\n\n", "Content-Length: -1\n\n", "x\n\n"} {
		if _, r := comes(bad); !over(r) {
			t.Errorf("%q is taken", bad)
		}
	}
	_, r := comes("Event-Name: CHANNEL_DATA\nUnique-ID: 3b2c-x\n\n")
	h := <-handed
	if h.Channel != "3b2c-x" {
		t.Errorf("channel %q", h.Channel)
	}
	h.Close()
	if !over(r) {
		t.Error("the dialplan still waits")
	}
	_, r = comes("Unique-ID: second\n\n")
	<-handed
	d.Close()
	if !over(r) {
		t.Error("the dialplan still waits after Close")
	}
}

func over(r *bufio.Reader) bool { _, err := r.ReadByte(); return err != nil }

// TestADoorThatYields: who is in stays, who comes is the next one's, and neither waits for the other.
func TestADoorThatYields(t *testing.T) {
	first, err := Open("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := first.l.Addr().String()
	if first.Yield() != nil {
		t.Error("a door yields that is not served")
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	serves := func(d *Door) chan *Handed {
		handed := make(chan *Handed, 1)
		serving.Go(func() { d.Serve(func(h *Handed) { handed <- h }) })
		return handed
	}
	comes := func(id string) *bufio.Reader {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_, _ = io.WriteString(conn, "Unique-ID: "+id+"\n\n")
		r := bufio.NewReader(conn)
		if _, err := readHead(r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	old := serves(first)
	in := comes("one")
	<-old
	next := NewDoor(first.Yield())
	fresh := serves(next)
	comes("two")
	if h := <-fresh; h.Channel != "two" {
		t.Errorf("the next gets %s", h.Channel)
	}
	if first.Yield() != nil {
		t.Error("it yields twice")
	}
	first.Close()
	if !over(in) {
		t.Error("who was in still waits after Close")
	}
	comes("three")
	if h := <-fresh; h.Channel != "three" {
		t.Errorf("the next gets %s", h.Channel)
	}
	next.Close()
}
