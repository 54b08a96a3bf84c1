package pbx

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// baresip's ctrl_tcp module speaks JSON objects, each framed as a netstring: "<length>:<bytes>,".

// maxFrame bounds what is believed of a length.
const maxFrame = 1 << 20

func writeFrame(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%d:%s,", len(b), b)
	return err
}

func readFrame(r *bufio.Reader, v any) error {
	head, err := r.ReadString(':')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(head, ":"))
	if err != nil || n < 0 || n > maxFrame {
		return fmt.Errorf("no netstring: %q", head)
	}
	b := make([]byte, n+1)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	if b[n] != ',' {
		return fmt.Errorf("netstring of %d bytes ends in %q", n, b[n])
	}
	return json.Unmarshal(b[:n], v)
}
