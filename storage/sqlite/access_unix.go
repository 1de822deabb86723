//go:build unix

package sqlite

import "golang.org/x/sys/unix"

// access tells why this process may not write to a file that is there. It does not open it: closing any descriptor of a file
// gives up all locks that the process has on it, those of its other connections too.
func access(path string) error {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS)
}
