package kubelet

import (
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	listers "k8s.io/client-go/listers/core/v1"
)

// book remembers what a pod's status is too coarse for, or does not hold yet.
type book struct {
	mu    sync.Mutex
	pages map[string]page // by namespace/name
	taken map[string]bool // IP addresses
	last  uint16          // the host part of the address given out last
}

// page is what is known about one pod.
type page struct {
	uid     types.UID
	started time.Time // more exact than the status, which has whole seconds
	ip      string
}

func newBook() *book {
	return &book{pages: map[string]page{}, taken: map[string]bool{}}
}

// load takes the addresses of pods that an earlier process started.
func (b *book) load(pods listers.PodLister) error {
	list, err := pods.List(labels.Everything())
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, pod := range list {
		if isOurs(pod) && pod.Status.PodIP != "" && !pod.Spec.HostNetwork {
			b.taken[pod.Status.PodIP] = true
		}
	}
	return nil
}

// open returns the pod's page and begins it when there is none.
func (b *book) open(key string, pod *corev1.Pod, now time.Time) page {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.pages[key]
	if ok && p.uid == pod.UID {
		return p
	}
	if ok {
		delete(b.taken, p.ip)
	}
	p = page{uid: pod.UID, started: now, ip: pod.Status.PodIP}
	if pod.Status.StartTime != nil {
		p.started = pod.Status.StartTime.Time
	}
	switch {
	case pod.Spec.HostNetwork:
		p.ip = nodeAddress
	case p.ip == "":
		p.ip = b.address()
	}
	b.pages[key] = p
	return p
}

// address is a free one of 10.244.0.0/16. When all are taken it gives one out
// twice: nothing listens there anyway.
func (b *book) address() string {
	for range 1 << 16 {
		b.last++
		ip := fmt.Sprintf("10.244.%d.%d", b.last>>8, b.last&0xff)
		if low := b.last & 0xff; low != 0 && low != 0xff && !b.taken[ip] {
			b.taken[ip] = true
			return ip
		}
	}
	return "10.244.0.1"
}

// forget gives back what a pod that is gone had.
func (b *book) forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.taken, b.pages[key].ip)
	delete(b.pages, key)
}
