package rediscache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// An entry on the server is
//
//	byte 0      the format, 1
//	byte 1      1 where the loader said that there is nothing, else 0
//	byte 2      n, the number of generations
//	bytes 3-6   the length of the whole entry
//	bytes 7-10  CRC-32C of the name that it is under, and of all but these four
//	8 n bytes   the generations that it was stored under
//	the rest    the value, as the codec made it
//
// with numbers in big-endian order. The name has the scope and the key in it, so that an entry is none under another one.
const (
	format     = 1
	lengthAt   = 3
	sumAt      = 7
	headerSize = 11
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn says that what is under a key is not what was stored there.
var errTorn = errors.New("not an entry, or torn")

func encodeEntry(name string, generations []uint64, absent bool, value []byte) []byte {
	data := make([]byte, headerSize, headerSize+8*len(generations)+len(value))
	data[0], data[2] = format, byte(len(generations))
	if absent {
		data[1] = 1
	}
	for _, g := range generations {
		data = binary.BigEndian.AppendUint64(data, g)
	}
	data = append(data, value...)
	binary.BigEndian.PutUint32(data[lengthAt:], uint32(len(data)))
	binary.BigEndian.PutUint32(data[sumAt:], checksum(name, data))
	return data
}

func checksum(name string, data []byte) uint32 {
	sum := crc32.Checksum([]byte(name), castagnoli)
	return crc32.Update(crc32.Update(sum, castagnoli, data[:sumAt]), castagnoli, data[headerSize:])
}

// decodeEntry returns the parts of the entry under a name. The generations are still bytes; both are parts of data.
func decodeEntry(name string, data []byte) (generations []byte, absent bool, value []byte, err error) {
	if len(data) < headerSize || int64(binary.BigEndian.Uint32(data[lengthAt:])) != int64(len(data)) {
		return nil, false, nil, errTorn
	}
	end := headerSize + 8*int(data[2])
	if data[0] != format || data[1] > 1 || end > len(data) || binary.BigEndian.Uint32(data[sumAt:]) != checksum(name, data) {
		return nil, false, nil, errTorn
	}
	return data[headerSize:end], data[1] == 1, data[end:], nil
}
