package freeswitchtest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// schedHangup ends a channel after a while: +SECONDS UUID CAUSE.
func (f *FreeSWITCH) schedHangup(rest string) string {
	words := strings.Fields(rest)
	if len(words) < 2 {
		return "-USAGE: [+]<time> <uuid> [<cause>]\n"
	}
	c := f.channel(words[1])
	after, err := strconv.Atoi(words[0])
	if c == nil || c.over || err != nil {
		return "-ERR No such channel!\n"
	}
	cause := "ALLOTTED_TIMEOUT"
	if len(words) > 2 {
		cause = words[2]
	}
	c.ends = append(c.ends, f.later(time.Duration(after)*time.Second, func() { f.hang(c, ending{cause: cause, disposition: c.bye()}) }))
	return "+OK\n"
}

// schedDel takes back what was to happen to a channel.
func (f *FreeSWITCH) schedDel(id string) string {
	n := 0
	if c := f.channel(id); c != nil {
		n = c.unschedule()
	}
	return fmt.Sprintf("+OK Deleted: %d\n", n)
}

func (c *channel) unschedule() (n int) {
	for _, t := range c.ends {
		t.Stop()
	}
	n, c.ends = len(c.ends), nil
	return n
}
