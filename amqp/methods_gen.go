// Code generated from methods.txt by internal/gen. DO NOT EDIT.

package amqp

// The classes.
const (
	ClassConnection uint16 = 10
	ClassChannel    uint16 = 20
	ClassAccess     uint16 = 30
	ClassExchange   uint16 = 40
	ClassQueue      uint16 = 50
	ClassBasic      uint16 = 60
	ClassConfirm    uint16 = 85
	ClassTx         uint16 = 90
)

// The methods.
const (
	ConnectionStartID          MethodID = 10<<16 | 10
	ConnectionStartOkID        MethodID = 10<<16 | 11
	ConnectionSecureID         MethodID = 10<<16 | 20
	ConnectionSecureOkID       MethodID = 10<<16 | 21
	ConnectionTuneID           MethodID = 10<<16 | 30
	ConnectionTuneOkID         MethodID = 10<<16 | 31
	ConnectionOpenID           MethodID = 10<<16 | 40
	ConnectionOpenOkID         MethodID = 10<<16 | 41
	ConnectionCloseID          MethodID = 10<<16 | 50
	ConnectionCloseOkID        MethodID = 10<<16 | 51
	ConnectionBlockedID        MethodID = 10<<16 | 60
	ConnectionUnblockedID      MethodID = 10<<16 | 61
	ConnectionUpdateSecretID   MethodID = 10<<16 | 70
	ConnectionUpdateSecretOkID MethodID = 10<<16 | 71
	ChannelOpenID              MethodID = 20<<16 | 10
	ChannelOpenOkID            MethodID = 20<<16 | 11
	ChannelFlowID              MethodID = 20<<16 | 20
	ChannelFlowOkID            MethodID = 20<<16 | 21
	ChannelCloseID             MethodID = 20<<16 | 40
	ChannelCloseOkID           MethodID = 20<<16 | 41
	AccessRequestID            MethodID = 30<<16 | 10
	AccessRequestOkID          MethodID = 30<<16 | 11
	ExchangeDeclareID          MethodID = 40<<16 | 10
	ExchangeDeclareOkID        MethodID = 40<<16 | 11
	ExchangeDeleteID           MethodID = 40<<16 | 20
	ExchangeDeleteOkID         MethodID = 40<<16 | 21
	ExchangeBindID             MethodID = 40<<16 | 30
	ExchangeBindOkID           MethodID = 40<<16 | 31
	ExchangeUnbindID           MethodID = 40<<16 | 40
	ExchangeUnbindOkID         MethodID = 40<<16 | 51
	QueueDeclareID             MethodID = 50<<16 | 10
	QueueDeclareOkID           MethodID = 50<<16 | 11
	QueueBindID                MethodID = 50<<16 | 20
	QueueBindOkID              MethodID = 50<<16 | 21
	QueuePurgeID               MethodID = 50<<16 | 30
	QueuePurgeOkID             MethodID = 50<<16 | 31
	QueueDeleteID              MethodID = 50<<16 | 40
	QueueDeleteOkID            MethodID = 50<<16 | 41
	QueueUnbindID              MethodID = 50<<16 | 50
	QueueUnbindOkID            MethodID = 50<<16 | 51
	BasicQosID                 MethodID = 60<<16 | 10
	BasicQosOkID               MethodID = 60<<16 | 11
	BasicConsumeID             MethodID = 60<<16 | 20
	BasicConsumeOkID           MethodID = 60<<16 | 21
	BasicCancelID              MethodID = 60<<16 | 30
	BasicCancelOkID            MethodID = 60<<16 | 31
	BasicPublishID             MethodID = 60<<16 | 40
	BasicReturnID              MethodID = 60<<16 | 50
	BasicDeliverID             MethodID = 60<<16 | 60
	BasicGetID                 MethodID = 60<<16 | 70
	BasicGetOkID               MethodID = 60<<16 | 71
	BasicGetEmptyID            MethodID = 60<<16 | 72
	BasicAckID                 MethodID = 60<<16 | 80
	BasicRejectID              MethodID = 60<<16 | 90
	BasicRecoverAsyncID        MethodID = 60<<16 | 100
	BasicRecoverID             MethodID = 60<<16 | 110
	BasicRecoverOkID           MethodID = 60<<16 | 111
	BasicNackID                MethodID = 60<<16 | 120
	ConfirmSelectID            MethodID = 85<<16 | 10
	ConfirmSelectOkID          MethodID = 85<<16 | 11
	TxSelectID                 MethodID = 90<<16 | 10
	TxSelectOkID               MethodID = 90<<16 | 11
	TxCommitID                 MethodID = 90<<16 | 20
	TxCommitOkID               MethodID = 90<<16 | 21
	TxRollbackID               MethodID = 90<<16 | 30
	TxRollbackOkID             MethodID = 90<<16 | 31
)

// methodTable holds the facts of methods.txt in its order.
var methodTable = [...]Info{
	{ID: ConnectionStartID, Name: "connection.start", FromServer: true, IsSync: true, Replies: []MethodID{ConnectionStartOkID}},
	{ID: ConnectionStartOkID, Name: "connection.start-ok", FromClient: true},
	{ID: ConnectionSecureID, Name: "connection.secure", FromServer: true, IsSync: true, Replies: []MethodID{ConnectionSecureOkID}},
	{ID: ConnectionSecureOkID, Name: "connection.secure-ok", FromClient: true},
	{ID: ConnectionTuneID, Name: "connection.tune", FromServer: true, IsSync: true, Replies: []MethodID{ConnectionTuneOkID}},
	{ID: ConnectionTuneOkID, Name: "connection.tune-ok", FromClient: true},
	{ID: ConnectionOpenID, Name: "connection.open", FromClient: true, IsSync: true, Replies: []MethodID{ConnectionOpenOkID}},
	{ID: ConnectionOpenOkID, Name: "connection.open-ok", FromServer: true},
	{ID: ConnectionCloseID, Name: "connection.close", FromClient: true, FromServer: true, IsSync: true, Replies: []MethodID{ConnectionCloseOkID}},
	{ID: ConnectionCloseOkID, Name: "connection.close-ok", FromClient: true, FromServer: true},
	{ID: ConnectionBlockedID, Name: "connection.blocked", FromServer: true},
	{ID: ConnectionUnblockedID, Name: "connection.unblocked", FromServer: true},
	{ID: ConnectionUpdateSecretID, Name: "connection.update-secret", FromClient: true, IsSync: true, Replies: []MethodID{ConnectionUpdateSecretOkID}},
	{ID: ConnectionUpdateSecretOkID, Name: "connection.update-secret-ok", FromServer: true},
	{ID: ChannelOpenID, Name: "channel.open", FromClient: true, IsSync: true, Replies: []MethodID{ChannelOpenOkID}},
	{ID: ChannelOpenOkID, Name: "channel.open-ok", FromServer: true},
	{ID: ChannelFlowID, Name: "channel.flow", FromClient: true, FromServer: true, IsSync: true, Replies: []MethodID{ChannelFlowOkID}},
	{ID: ChannelFlowOkID, Name: "channel.flow-ok", FromClient: true, FromServer: true},
	{ID: ChannelCloseID, Name: "channel.close", FromClient: true, FromServer: true, IsSync: true, Replies: []MethodID{ChannelCloseOkID}},
	{ID: ChannelCloseOkID, Name: "channel.close-ok", FromClient: true, FromServer: true},
	{ID: AccessRequestID, Name: "access.request", FromClient: true, IsSync: true, Replies: []MethodID{AccessRequestOkID}},
	{ID: AccessRequestOkID, Name: "access.request-ok", FromServer: true},
	{ID: ExchangeDeclareID, Name: "exchange.declare", FromClient: true, IsSync: true, Replies: []MethodID{ExchangeDeclareOkID}},
	{ID: ExchangeDeclareOkID, Name: "exchange.declare-ok", FromServer: true},
	{ID: ExchangeDeleteID, Name: "exchange.delete", FromClient: true, IsSync: true, Replies: []MethodID{ExchangeDeleteOkID}},
	{ID: ExchangeDeleteOkID, Name: "exchange.delete-ok", FromServer: true},
	{ID: ExchangeBindID, Name: "exchange.bind", FromClient: true, IsSync: true, Replies: []MethodID{ExchangeBindOkID}},
	{ID: ExchangeBindOkID, Name: "exchange.bind-ok", FromServer: true},
	{ID: ExchangeUnbindID, Name: "exchange.unbind", FromClient: true, IsSync: true, Replies: []MethodID{ExchangeUnbindOkID}},
	{ID: ExchangeUnbindOkID, Name: "exchange.unbind-ok", FromServer: true},
	{ID: QueueDeclareID, Name: "queue.declare", FromClient: true, IsSync: true, Replies: []MethodID{QueueDeclareOkID}},
	{ID: QueueDeclareOkID, Name: "queue.declare-ok", FromServer: true},
	{ID: QueueBindID, Name: "queue.bind", FromClient: true, IsSync: true, Replies: []MethodID{QueueBindOkID}},
	{ID: QueueBindOkID, Name: "queue.bind-ok", FromServer: true},
	{ID: QueuePurgeID, Name: "queue.purge", FromClient: true, IsSync: true, Replies: []MethodID{QueuePurgeOkID}},
	{ID: QueuePurgeOkID, Name: "queue.purge-ok", FromServer: true},
	{ID: QueueDeleteID, Name: "queue.delete", FromClient: true, IsSync: true, Replies: []MethodID{QueueDeleteOkID}},
	{ID: QueueDeleteOkID, Name: "queue.delete-ok", FromServer: true},
	{ID: QueueUnbindID, Name: "queue.unbind", FromClient: true, IsSync: true, Replies: []MethodID{QueueUnbindOkID}},
	{ID: QueueUnbindOkID, Name: "queue.unbind-ok", FromServer: true},
	{ID: BasicQosID, Name: "basic.qos", FromClient: true, IsSync: true, Replies: []MethodID{BasicQosOkID}},
	{ID: BasicQosOkID, Name: "basic.qos-ok", FromServer: true},
	{ID: BasicConsumeID, Name: "basic.consume", FromClient: true, IsSync: true, Replies: []MethodID{BasicConsumeOkID}},
	{ID: BasicConsumeOkID, Name: "basic.consume-ok", FromServer: true},
	{ID: BasicCancelID, Name: "basic.cancel", FromClient: true, FromServer: true, IsSync: true, Replies: []MethodID{BasicCancelOkID}},
	{ID: BasicCancelOkID, Name: "basic.cancel-ok", FromClient: true, FromServer: true},
	{ID: BasicPublishID, Name: "basic.publish", FromClient: true, HasContent: true},
	{ID: BasicReturnID, Name: "basic.return", FromServer: true, HasContent: true},
	{ID: BasicDeliverID, Name: "basic.deliver", FromServer: true, HasContent: true},
	{ID: BasicGetID, Name: "basic.get", FromClient: true, IsSync: true, Replies: []MethodID{BasicGetOkID, BasicGetEmptyID}},
	{ID: BasicGetOkID, Name: "basic.get-ok", FromServer: true, HasContent: true},
	{ID: BasicGetEmptyID, Name: "basic.get-empty", FromServer: true},
	{ID: BasicAckID, Name: "basic.ack", FromClient: true, FromServer: true},
	{ID: BasicRejectID, Name: "basic.reject", FromClient: true},
	{ID: BasicRecoverAsyncID, Name: "basic.recover-async", FromClient: true},
	{ID: BasicRecoverID, Name: "basic.recover", FromClient: true, IsSync: true, Replies: []MethodID{BasicRecoverOkID}},
	{ID: BasicRecoverOkID, Name: "basic.recover-ok", FromServer: true},
	{ID: BasicNackID, Name: "basic.nack", FromClient: true, FromServer: true},
	{ID: ConfirmSelectID, Name: "confirm.select", FromClient: true, IsSync: true, Replies: []MethodID{ConfirmSelectOkID}},
	{ID: ConfirmSelectOkID, Name: "confirm.select-ok", FromServer: true},
	{ID: TxSelectID, Name: "tx.select", FromClient: true, IsSync: true, Replies: []MethodID{TxSelectOkID}},
	{ID: TxSelectOkID, Name: "tx.select-ok", FromServer: true},
	{ID: TxCommitID, Name: "tx.commit", FromClient: true, IsSync: true, Replies: []MethodID{TxCommitOkID}},
	{ID: TxCommitOkID, Name: "tx.commit-ok", FromServer: true},
	{ID: TxRollbackID, Name: "tx.rollback", FromClient: true, IsSync: true, Replies: []MethodID{TxRollbackOkID}},
	{ID: TxRollbackOkID, Name: "tx.rollback-ok", FromServer: true},
}

// index returns the place of a method in methodTable, or -1.
func (id MethodID) index() int {
	switch id {
	case ConnectionStartID:
		return 0
	case ConnectionStartOkID:
		return 1
	case ConnectionSecureID:
		return 2
	case ConnectionSecureOkID:
		return 3
	case ConnectionTuneID:
		return 4
	case ConnectionTuneOkID:
		return 5
	case ConnectionOpenID:
		return 6
	case ConnectionOpenOkID:
		return 7
	case ConnectionCloseID:
		return 8
	case ConnectionCloseOkID:
		return 9
	case ConnectionBlockedID:
		return 10
	case ConnectionUnblockedID:
		return 11
	case ConnectionUpdateSecretID:
		return 12
	case ConnectionUpdateSecretOkID:
		return 13
	case ChannelOpenID:
		return 14
	case ChannelOpenOkID:
		return 15
	case ChannelFlowID:
		return 16
	case ChannelFlowOkID:
		return 17
	case ChannelCloseID:
		return 18
	case ChannelCloseOkID:
		return 19
	case AccessRequestID:
		return 20
	case AccessRequestOkID:
		return 21
	case ExchangeDeclareID:
		return 22
	case ExchangeDeclareOkID:
		return 23
	case ExchangeDeleteID:
		return 24
	case ExchangeDeleteOkID:
		return 25
	case ExchangeBindID:
		return 26
	case ExchangeBindOkID:
		return 27
	case ExchangeUnbindID:
		return 28
	case ExchangeUnbindOkID:
		return 29
	case QueueDeclareID:
		return 30
	case QueueDeclareOkID:
		return 31
	case QueueBindID:
		return 32
	case QueueBindOkID:
		return 33
	case QueuePurgeID:
		return 34
	case QueuePurgeOkID:
		return 35
	case QueueDeleteID:
		return 36
	case QueueDeleteOkID:
		return 37
	case QueueUnbindID:
		return 38
	case QueueUnbindOkID:
		return 39
	case BasicQosID:
		return 40
	case BasicQosOkID:
		return 41
	case BasicConsumeID:
		return 42
	case BasicConsumeOkID:
		return 43
	case BasicCancelID:
		return 44
	case BasicCancelOkID:
		return 45
	case BasicPublishID:
		return 46
	case BasicReturnID:
		return 47
	case BasicDeliverID:
		return 48
	case BasicGetID:
		return 49
	case BasicGetOkID:
		return 50
	case BasicGetEmptyID:
		return 51
	case BasicAckID:
		return 52
	case BasicRejectID:
		return 53
	case BasicRecoverAsyncID:
		return 54
	case BasicRecoverID:
		return 55
	case BasicRecoverOkID:
		return 56
	case BasicNackID:
		return 57
	case ConfirmSelectID:
		return 58
	case ConfirmSelectOkID:
		return 59
	case TxSelectID:
		return 60
	case TxSelectOkID:
		return 61
	case TxCommitID:
		return 62
	case TxCommitOkID:
		return 63
	case TxRollbackID:
		return 64
	case TxRollbackOkID:
		return 65
	}
	return -1
}

// HasContent says whether content follows the method; false if it is unknown.
func (id MethodID) HasContent() bool {
	switch id {
	case BasicPublishID, BasicReturnID, BasicDeliverID, BasicGetOkID:
		return true
	}
	return false
}

// NewMethod returns an empty method of this kind, or nil if there is none.
func NewMethod(id MethodID) Method {
	switch id {
	case ConnectionStartID:
		return new(ConnectionStart)
	case ConnectionStartOkID:
		return new(ConnectionStartOk)
	case ConnectionSecureID:
		return new(ConnectionSecure)
	case ConnectionSecureOkID:
		return new(ConnectionSecureOk)
	case ConnectionTuneID:
		return new(ConnectionTune)
	case ConnectionTuneOkID:
		return new(ConnectionTuneOk)
	case ConnectionOpenID:
		return new(ConnectionOpen)
	case ConnectionOpenOkID:
		return new(ConnectionOpenOk)
	case ConnectionCloseID:
		return new(ConnectionClose)
	case ConnectionCloseOkID:
		return new(ConnectionCloseOk)
	case ConnectionBlockedID:
		return new(ConnectionBlocked)
	case ConnectionUnblockedID:
		return new(ConnectionUnblocked)
	case ConnectionUpdateSecretID:
		return new(ConnectionUpdateSecret)
	case ConnectionUpdateSecretOkID:
		return new(ConnectionUpdateSecretOk)
	case ChannelOpenID:
		return new(ChannelOpen)
	case ChannelOpenOkID:
		return new(ChannelOpenOk)
	case ChannelFlowID:
		return new(ChannelFlow)
	case ChannelFlowOkID:
		return new(ChannelFlowOk)
	case ChannelCloseID:
		return new(ChannelClose)
	case ChannelCloseOkID:
		return new(ChannelCloseOk)
	case AccessRequestID:
		return new(AccessRequest)
	case AccessRequestOkID:
		return new(AccessRequestOk)
	case ExchangeDeclareID:
		return new(ExchangeDeclare)
	case ExchangeDeclareOkID:
		return new(ExchangeDeclareOk)
	case ExchangeDeleteID:
		return new(ExchangeDelete)
	case ExchangeDeleteOkID:
		return new(ExchangeDeleteOk)
	case ExchangeBindID:
		return new(ExchangeBind)
	case ExchangeBindOkID:
		return new(ExchangeBindOk)
	case ExchangeUnbindID:
		return new(ExchangeUnbind)
	case ExchangeUnbindOkID:
		return new(ExchangeUnbindOk)
	case QueueDeclareID:
		return new(QueueDeclare)
	case QueueDeclareOkID:
		return new(QueueDeclareOk)
	case QueueBindID:
		return new(QueueBind)
	case QueueBindOkID:
		return new(QueueBindOk)
	case QueuePurgeID:
		return new(QueuePurge)
	case QueuePurgeOkID:
		return new(QueuePurgeOk)
	case QueueDeleteID:
		return new(QueueDelete)
	case QueueDeleteOkID:
		return new(QueueDeleteOk)
	case QueueUnbindID:
		return new(QueueUnbind)
	case QueueUnbindOkID:
		return new(QueueUnbindOk)
	case BasicQosID:
		return new(BasicQos)
	case BasicQosOkID:
		return new(BasicQosOk)
	case BasicConsumeID:
		return new(BasicConsume)
	case BasicConsumeOkID:
		return new(BasicConsumeOk)
	case BasicCancelID:
		return new(BasicCancel)
	case BasicCancelOkID:
		return new(BasicCancelOk)
	case BasicPublishID:
		return new(BasicPublish)
	case BasicReturnID:
		return new(BasicReturn)
	case BasicDeliverID:
		return new(BasicDeliver)
	case BasicGetID:
		return new(BasicGet)
	case BasicGetOkID:
		return new(BasicGetOk)
	case BasicGetEmptyID:
		return new(BasicGetEmpty)
	case BasicAckID:
		return new(BasicAck)
	case BasicRejectID:
		return new(BasicReject)
	case BasicRecoverAsyncID:
		return new(BasicRecoverAsync)
	case BasicRecoverID:
		return new(BasicRecover)
	case BasicRecoverOkID:
		return new(BasicRecoverOk)
	case BasicNackID:
		return new(BasicNack)
	case ConfirmSelectID:
		return new(ConfirmSelect)
	case ConfirmSelectOkID:
		return new(ConfirmSelectOk)
	case TxSelectID:
		return new(TxSelect)
	case TxSelectOkID:
		return new(TxSelectOk)
	case TxCommitID:
		return new(TxCommit)
	case TxCommitOkID:
		return new(TxCommitOk)
	case TxRollbackID:
		return new(TxRollback)
	case TxRollbackOkID:
		return new(TxRollbackOk)
	}
	return nil
}
