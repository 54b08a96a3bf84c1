package main

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"c2d/test/pbx"
)

// stand takes the place of a test for test/pbx, which starts servers: a folder, an end, and a way to give up.
type stand struct {
	testing.TB // nil: nothing else is asked of it
	dir        string
	ends       []func()
	failed     bool
}

// errAbsent is a program that is not installed.
var errAbsent = errors.New("left out")

// gaveUp is thrown where a test would end.
type gaveUp struct{ why error }

// asterisk starts one, which runs until close. Errors: errAbsent, with how to get it.
func (s *stand) asterisk(sw pbx.Switch) (a *pbx.Asterisk, err error) {
	err = s.try(func() { a = pbx.StartAsterisk(s, sw) })
	return a, err
}

// freeswitch starts one, as asterisk does.
func (s *stand) freeswitch(x pbx.Exchange) (f *pbx.FreeSWITCH, err error) {
	err = s.try(func() { f = pbx.StartFreeSWITCH(s, x) })
	return f, err
}

func (s *stand) try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case gaveUp:
			err, s.failed = r.why, !errors.Is(r.why, errAbsent)
		default:
			panic(r)
		}
	}()
	f()
	return nil
}

// close runs what was left to the end, the last first.
func (s *stand) close() {
	for n := len(s.ends) - 1; n >= 0; n-- {
		s.ends[n]()
	}
	s.ends = nil
}

func (s *stand) TempDir() string {
	dir, err := os.MkdirTemp(s.dir, "stand")
	if err != nil {
		panic(gaveUp{err})
	}
	return dir
}

func (s *stand) Helper()                           {}
func (s *stand) Failed() bool                      { return s.failed }
func (s *stand) Cleanup(f func())                  { s.ends = append(s.ends, f) }
func (s *stand) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (s *stand) Fatal(args ...any)                 { panic(gaveUp{errors.New(fmt.Sprint(args...))}) }
func (s *stand) Fatalf(format string, args ...any) { panic(gaveUp{fmt.Errorf(format, args...)}) }
func (s *stand) Skip(args ...any) {
	panic(gaveUp{fmt.Errorf("%w: %s", errAbsent, fmt.Sprint(args...))})
}
func (s *stand) Skipf(format string, args ...any) { s.Skip(fmt.Sprintf(format, args...)) }
