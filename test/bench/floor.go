package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// floor is the least that a click can cost: for each call two INVITE dialogs, one after the other, with ACK and BYE, on
// bare sipgo. It places the calls that a line of standard input asks for ("200 1000": calls in a second, calls) and says
// "done" after the last; it ends with its input.
func floor(ctx context.Context, phones string) error {
	f, err := newBare(phones)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var rate, calls int
		if _, err := fmt.Sscan(in.Text(), &rate, &calls); err != nil {
			return err
		}
		if err := f.run(ctx, rate, calls); err != nil {
			return err
		}
		fmt.Println("done")
	}
	return nil
}

// bare is a user agent of the library with nothing around it.
type bare struct {
	dialogs *sipgo.DialogUA
	phones  string
}

func newBare(phones string) (*bare, error) {
	ua, err := sipgo.NewUA()
	if err != nil {
		return nil, err
	}
	client, err := sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"))
	if err != nil {
		return nil, err
	}
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "floor", Host: "127.0.0.1", Port: 5060}}
	return &bare{dialogs: &sipgo.DialogUA{Client: client, ContactHDR: contact}, phones: phones}, nil
}

func (f *bare) run(ctx context.Context, rate, calls int) error {
	var work sync.WaitGroup
	errs := make(chan error, calls)
	pace(ctx, rate, calls, func(int) {
		work.Go(func() { errs <- f.call(ctx) })
	})
	work.Wait()
	for range len(errs) {
		if err := <-errs; err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (f *bare) call(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var open []*sipgo.DialogClientSession
	for _, user := range []string{"a0", "a1"} {
		var to sip.Uri
		if err := sip.ParseUri("sip:"+user+"@"+f.phones, &to); err != nil {
			return err
		}
		body := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
		d, err := f.dialogs.Invite(ctx, to, []byte(body), sip.NewHeader("Content-Type", "application/sdp"))
		if err != nil {
			return err
		}
		if err := d.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
			return err
		}
		if err := d.Ack(ctx); err != nil {
			return err
		}
		open = append(open, d)
	}
	for _, d := range open {
		if err := d.Bye(ctx); err != nil {
			return err
		}
		_ = d.Close()
	}
	return nil
}
