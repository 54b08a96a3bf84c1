package ari

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"c2d/core/fault"
)

// archive is the folder of recordings on our side, which other backends may share; empty keeps none. It and its files are for
// its owner's eyes only.
type archive string

const (
	wavHeader = 44             // bytes: RIFF, fmt of 16 bytes, data
	mostBytes = math.MaxUint32 // that a WAV file can tell of
)

// recordingName is what may become a file.
var recordingName = regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`)

// make makes the folder.
func (a archive) make() error {
	if a == "" {
		return nil
	}
	if err := os.MkdirAll(string(a), 0o700); err != nil {
		return fault.Field(fault.CodeInvalid, "media.recordings", "cannot be made: %v", err)
	}
	return nil
}

func (a archive) path(name string) string { return filepath.Join(string(a), name+".wav") }

// part is where a file lies until it is whole.
func (a archive) part(name string) string { return a.path(name) + ".part" }

// reserve fails if a recording could not be stored now.
func (a archive) reserve(name string) error {
	if !recordingName.MatchString(name) {
		return fault.New(fault.CodeInvalid, "%q is no name of a recording", name)
	}
	f, err := os.OpenFile(a.part(name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	return kept(err)
}

// release ends what reserve has begun, if nothing is to be stored.
func (a archive) release(name string) { _ = os.Remove(a.part(name)) }

// store writes what fetch hands over as <name>.wav, which appears when it is whole. Errors: those of fetch; what a user may see
// if the file cannot be written.
func (a archive) store(name string, fetch func(io.Writer) error) error {
	f, err := os.OpenFile(a.part(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return kept(err)
	}
	if err = fetch(f); err == nil {
		err = errors.Join(measure(f), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(a.part(name), a.path(name))
	}
	if err != nil {
		a.release(name)
	}
	return kept(err)
}

// measure lets the header of a WAV file tell its length. Asterisk writes that last, and a killed one never.
func measure(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b := make([]byte, wavHeader)
	if _, err = f.ReadAt(b, 0); err != nil || string(b[:4]) != "RIFF" || string(b[36:40]) != "data" {
		return ignoring(err, io.EOF) // another program's business
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(info.Size()-8))
	binary.LittleEndian.PutUint32(b[40:], uint32(info.Size()-wavHeader))
	_, err = f.WriteAt(b, 0)
	return err
}

func ignoring(err, known error) error {
	if errors.Is(err, known) {
		return nil
	}
	return err
}

// kept says in words that a user may see why a file could not be written; other errors are as they were.
func kept(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(fault.CodeInternal, err, "the disk is full")
	case errors.As(err, &path), errors.As(err, &link):
		return fault.Wrap(fault.CodeInternal, err, "the file cannot be written")
	}
	return err
}
