package pbx

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"time"
)

// API gives FreeSWITCH one command through its event socket, on a connection of its own. It is not adapters/esl: what tests
// the adapter does not lean on it.
func (f *FreeSWITCH) API(command string) (string, error) {
	conn, err := net.DialTimeout("tcp", f.Socket.String(), time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(ready))
	in := textproto.NewReader(bufio.NewReader(conn))
	if _, err := in.ReadMIMEHeader(); err != nil { // it asks for the password
		return "", err
	}
	fmt.Fprintf(conn, "auth %s\n\n", f.Password)
	h, err := in.ReadMIMEHeader()
	if err != nil {
		return "", err
	}
	if reply := h.Get("Reply-Text"); reply != "+OK accepted" {
		return "", fmt.Errorf("signing in: %q", reply)
	}
	fmt.Fprintf(conn, "api %s\n\n", command)
	return readReply(in)
}

func readReply(in *textproto.Reader) (string, error) {
	h, err := in.ReadMIMEHeader()
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(h.Get("Content-Length"))
	if err != nil {
		return "", fmt.Errorf("%v: %w", h, err)
	}
	body := make([]byte, n)
	_, err = io.ReadFull(in.R, body)
	return string(body), err
}
