// What KEDA's Apache Kafka scaler sees of a consumer group. This is not KEDA: it puts KEDA's questions to Kafka, with the
// library that KEDA uses and the same calls. It follows pkg/scalers/kafka_scaler.go of kedacore/keda (trigger `kafka`) as
// it was at commit 005859fcc9e8 (2022, after 2.6.1), and in 2026 with the same calls: getKafkaClients (version 1.0.0 of the
// protocol unless told), getTopicPartitions, getConsumerOffsets, getProducerOffsets. What KEDA makes of it: _scaling.py.
//
// Each line of input is `{"consumerGroup": …, "topic": …}`; without a topic, all that the group has offsets of are meant.
// Each is answered by a line of JSON: the partitions, or an error.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/IBM/sarama"
)

type trigger struct {
	Group string `json:"consumerGroup"`
	Topic string `json:"topic"`
}

type partition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed int64  `json:"committed"`
	Newest    int64  `json:"newest"`
}

type answer struct {
	Partitions []partition `json:"partitions"`
	Error      string      `json:"error,omitempty"`
}

type scaler struct {
	client sarama.Client
	admin  sarama.ClusterAdmin
}

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("one argument is wanted: the servers, separated by commas"))
	}
	asking, err := connect(strings.Split(os.Args[1], ","))
	if err != nil {
		fail(err)
	}
	input, output := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for input.Scan() {
		var told trigger
		if err := json.Unmarshal(input.Bytes(), &told); err != nil {
			fail(err)
		}
		found := answer{Partitions: []partition{}}
		if found.Partitions, err = asking.look(told); err != nil {
			found.Error = err.Error()
		}
		if err := output.Encode(found); err != nil {
			fail(err)
		}
	}
	if err := asking.admin.Close(); err != nil {
		fail(err)
	}
}

func connect(servers []string) (*scaler, error) {
	config := sarama.NewConfig()
	config.Version = sarama.V1_0_0_0
	client, err := sarama.NewClient(servers, config)
	if err != nil {
		return nil, err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return nil, err
	}
	return &scaler{client, admin}, nil
}

func (s *scaler) look(told trigger) ([]partition, error) {
	asked, err := s.partitions(told)
	if err != nil {
		return nil, err
	}
	committed, err := s.offsets(told.Group, asked)
	if err != nil {
		return nil, err
	}
	newest, err := s.newest(asked)
	if err != nil {
		return nil, err
	}
	found := []partition{}
	for topic, numbers := range asked {
		for _, number := range numbers {
			block := committed.GetBlock(topic, number)
			if block == nil {
				return nil, fmt.Errorf("no offset block for %s/%d", topic, number)
			}
			if block.Err != sarama.ErrNoError {
				return nil, block.Err
			}
			end, there := newest[topic][number]
			if !there {
				return nil, fmt.Errorf("no newest offset of %s/%d", topic, number)
			}
			found = append(found, partition{topic, number, block.Offset, end})
		}
	}
	sort.Slice(found, func(i, j int) bool {
		one, other := found[i], found[j]
		return one.Topic < other.Topic || one.Topic == other.Topic && one.Partition < other.Partition
	})
	return found, nil
}

func (s *scaler) partitions(told trigger) (map[string][]int32, error) {
	topics := []string{told.Topic}
	if told.Topic == "" {
		topics = nil
		all, err := s.offsets(told.Group, nil)
		if err != nil {
			return nil, err
		}
		for topic := range all.Blocks {
			topics = append(topics, topic)
		}
	}
	described, err := s.admin.DescribeTopics(topics)
	if err != nil {
		return nil, err
	}
	found := make(map[string][]int32, len(described))
	for _, topic := range described {
		if topic.Err != sarama.ErrNoError {
			return nil, topic.Err
		}
		for _, one := range topic.Partitions {
			found[topic.Name] = append(found[topic.Name], one.ID)
		}
	}
	return found, nil
}

func (s *scaler) offsets(group string, of map[string][]int32) (*sarama.OffsetFetchResponse, error) {
	found, err := s.admin.ListConsumerGroupOffsets(group, of)
	if err == nil && found.Err != sarama.ErrNoError {
		err = found.Err
	}
	return found, err
}

// The leader of each partition is asked, in one request to each broker.
func (s *scaler) newest(of map[string][]int32) (map[string]map[int32]int64, error) {
	requests := map[*sarama.Broker]*sarama.OffsetRequest{}
	for topic, numbers := range of {
		for _, number := range numbers {
			leader, err := s.client.Leader(topic, number)
			if err != nil {
				return nil, err
			}
			if requests[leader] == nil {
				requests[leader] = &sarama.OffsetRequest{Version: 1}
			}
			requests[leader].AddBlock(topic, number, sarama.OffsetNewest, 1)
		}
	}
	found := map[string]map[int32]int64{}
	for leader, request := range requests {
		told, err := leader.GetAvailableOffsets(request)
		if err != nil {
			return nil, err
		}
		for topic, blocks := range told.Blocks {
			if found[topic] == nil {
				found[topic] = map[int32]int64{}
			}
			for number, block := range blocks {
				if block.Err != sarama.ErrNoError {
					return nil, block.Err
				}
				found[topic][number] = block.Offset
			}
		}
	}
	return found, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
