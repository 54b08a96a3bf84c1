package freeswitchtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"c2d/core/call/calltest/desk"
)

// knock is how long the socket application tries to connect.
const knock = time.Second

// Dial implements [desk.System]: the feature code hands every number over through the socket application.
func (f *FreeSWITCH) Dial(p *desk.Phone, number string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sequence++
	c := f.add(&channel{id: fmt.Sprintf("4fdcf4da-0000-4000-8000-%012d", f.sequence), inbound: true, phone: p, number: "*55" + number, vars: map[string]string{
		"user_name": p.Address(), "c2d_dial": number,
	}})
	p.Calls(line{f, c})
	f.tell("CHANNEL_CREATE", c)
	c.state, c.call, c.app = "CS_EXECUTE", "RINGING", "socket"
	to := f.socket
	f.work.Go(func() { // ends with the connection
		if to != nil {
			f.handOver(c, to)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.goOn(c)
	})
}

// handOver is the socket application: it says which channel it is about, and waits until the other side closes.
func (f *FreeSWITCH) handOver(c *channel, to func(context.Context, string, string) (net.Conn, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), knock)
	defer cancel()
	conn, err := to(ctx, "tcp", "")
	if err != nil {
		return
	}
	defer conn.Close()
	f.mu.Lock()
	c.handed = conn
	if c.over {
		c.letGo()
	}
	head := c.headers()
	f.mu.Unlock()
	r := bufio.NewReader(conn)
	if line, _, err := readCommand(textproto.NewReader(r)); err != nil || line != "connect" {
		return
	}
	if _, err := io.WriteString(conn, connected(head)); err != nil {
		return
	}
	f.later(step, func() { f.waits(c) })
	_, _ = io.Copy(io.Discard, r)
}

// waits tells that the socket application lets a channel wait, as park would; it is not park.
func (f *FreeSWITCH) waits(c *channel) {
	if c.app == "socket" && !c.over {
		f.tell("CHANNEL_PARK", c)
	}
}

// connected is the answer to connect: all that is known of the channel, as headers of the reply itself.
func connected(head []header) string {
	event := write(append([]header{{"Event-Name", "CHANNEL_DATA"}}, head...), "")
	_, headers, _ := strings.Cut(event, "\n\n")
	return strings.TrimSuffix(headers, "\n") + "Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: async\nControl: full\n\n"
}

// goOn is what the dialplan does after its socket application, unless the channel was taken from it: nobody is registered under
// the number.
func (f *FreeSWITCH) goOn(c *channel) {
	if c.app == "socket" {
		f.hang(c, ending{cause: "USER_NOT_REGISTERED", disposition: c.bye()})
	}
}
