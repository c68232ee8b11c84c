package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuOf is the processor time that a process has used, from the accounts of its threads.
func cpuOf(pid int) time.Duration {
	var sum time.Duration
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(n)
	}
	return sum
}

// cpuOfFamily is the processor time of a process and its children that live.
func cpuOfFamily(pid int) time.Duration {
	if pid == 0 {
		return 0
	}
	sum := cpuOf(pid)
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && parentOf(child) == pid {
			sum += cpuOf(child)
		}
	}
	return sum
}

// parentOf is the parent of a process, 0 when it is not known.
func parentOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything; what counts comes after the last one.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}

// writesOf is how many system calls of a process have written something.
func writesOf(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, is := strings.CutPrefix(line, "syscw:"); is {
			n, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return n
		}
	}
	return 0
}

// rssOf is the resident memory of a process in bytes.
func rssOf(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, is := strings.CutPrefix(line, "VmRSS:"); is {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// busy is the processor time that the whole machine has used, in ticks of 10 ms, and all there was.
func busy() (used, all int64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line)[1:] {
		n, _ := strconv.ParseInt(field, 10, 64)
		if i > 7 {
			break // guest time stands in user time already
		}
		all += n
		if i != 3 && i != 4 {
			used += n
		}
	}
	return used, all
}

// meter reads what everybody's processor time was between two moments.
type meter struct {
	servers                   []int // process ids
	database                  int   // process id; 0 when there is none to read
	serverAt, databaseAt, own time.Duration
	used, all, writes         int64
}

func startMeter(servers []int, database int) *meter {
	m := &meter{servers: servers, database: database}
	m.serverAt, m.databaseAt, m.own = sum(servers, cpuOf), cpuOfFamily(database), cpuOf(os.Getpid())
	m.used, m.all = busy()
	m.writes = sum(servers, writesOf)
	return m
}

// sum adds up what a figure is for each process.
func sum[N ~int64](pids []int, of func(int) N) (all N) {
	for _, pid := range pids {
		all += of(pid)
	}
	return all
}

// CPU is what a piece of work took of the machine.
type CPU struct {
	Server   time.Duration `json:"serverNs"`
	Database time.Duration `json:"databaseNs"`
	Client   time.Duration `json:"clientNs"`
	// Writes is how many system calls of the server wrote something, to sockets, disk or database.
	Writes int64 `json:"serverWrites"`
	// Others is the share of the machine's processors that everybody else took, 0 to 1.
	Others float64 `json:"othersShare"`
}

func (m *meter) stop() CPU {
	c := CPU{
		Server: sum(m.servers, cpuOf) - m.serverAt, Database: cpuOfFamily(m.database) - m.databaseAt,
		Client: cpuOf(os.Getpid()) - m.own, Writes: sum(m.servers, writesOf) - m.writes,
	}
	used, all := busy()
	if all > m.all {
		const tick = 10 * time.Millisecond
		total := time.Duration(all-m.all) * tick
		others := time.Duration(used-m.used)*tick - c.Server - c.Database - c.Client
		c.Others = max(0, float64(others)/float64(total))
	}
	return c
}
