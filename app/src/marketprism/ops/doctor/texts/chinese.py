"""The report in Chinese, the language of the operator's guide."""

from marketprism.ops.doctor.texts.words import Phrases, Words

PHRASES = Phrases(
    verdicts={
        "healthy": "健康：每一环都有数据",
        "absent": "此处没有安装，也没有妨碍部署的问题",
        "degraded": "降级：{roots}",
        "broken": "故障：{roots}",
        "unknown": "未知：有异常，但没有规则能够解释；证据见下",
        "unseen": "未知：没有发现问题，但有些项目无法检查",
    },
    hops={
        "exchange": "交易所",
        "socket": "连接",
        "published": "发布",
        "stream": "消息流",
        "consumer": "消费者",
        "inserted": "写入",
        "fresh": "新鲜度",
    },
    certainties={"sure": "确定", "likely": "很可能"},
    chain="数据链路",
    root="根本原因",
    consequence="由 {causes} 引起",
    fix="修复",
    from_host="在主机上",
    does="修复内容",
    read="参阅",
    unexplained="没有规则能解释",
    unseen="未能检查",
    columns=("问题", "确定程度", "证据"),
)

WORDS: dict[str, Words] = {
    "script-not-executable": Words(
        "脚本执行权限不足",
        "Permission denied: ./scripts/one_click_deploy.sh",
        "chmod +x scripts/*.sh；若文件系统以 noexec 挂载：bash scripts/one_click_deploy.sh",
    ),
    "missing-sudo": Words(
        "缺少 sudo 权限",
        "sudo: command not found，或用户不在 sudoers 文件中",
        "用 su - 切换到 root 后重新运行，或：apt-get install sudo && usermod -aG sudo 用户名",
    ),
    "python-too-old": Words(
        "Python 版本过低",
        "需要 Python 3.11、3.12 或 3.13，但没有找到",
        "Debian/Ubuntu：apt-get install python3 python3-venv；RHEL：dnf install python3.11；"
        "macOS：brew install python@3.11",
    ),
    "nats-down": Words(
        "NATS Server 无法启动",
        "端口 4222 或 8222 无法访问，或在一次写入失败后拒绝消息",
        "测试配置，把存储目录交还给服务器，重新启动并应用消息流",
    ),
    "clickhouse-down": Words(
        "ClickHouse 无法启动",
        "端口 8123 或 9000 无法访问",
        "按锁定的版本重装损坏的程序、测试配置、修复权限、让服务器分离损坏的分片，然后重新启动",
    ),
    "storage-down": Words(
        "存储服务启动失败",
        "端口 8085 未监听",
        "按锁文件检查虚拟环境，不一致时重建，然后重新启动服务",
    ),
    "collector-down": Words(
        "数据采集器启动失败",
        "采集器进程不存在，或端口 8087 无响应",
        "按锁文件检查虚拟环境，不一致时重建，然后重新启动服务",
    ),
    "no-data": Words(
        "ClickHouse 中没有数据",
        "所有表都返回 0 条记录",
        "沿着从交易所到数据表的链路检查，重启第一个阻塞的服务",
    ),
    "stale-data": Words(
        "数据更新不及时",
        "最新数据的时间超过了限制",
        "重启采集器，更新没有数据的连接",
    ),
    "orderbooks-empty": Words(
        "订单簿数据为空",
        "有成交数据，但 orderbooks 表没有新记录",
        "应用订单簿的消息流和消费者，然后让采集器重新同步订单簿",
    ),
    "memory-pressure": Words(
        "内存使用过高",
        "系统内存不足，或服务被 OOM Killer 杀死",
        "找出占用内存的进程，移除未经部署的限制，启用交换空间，重新启动服务",
    ),
    "cpu-saturated": Words(
        "CPU 使用率过高",
        "CPU 没有空闲时间，任务在等待处理器",
        "指出最重的查询，结束读者跑了半分钟以上的查询，用可恢复的配置降低订单簿的发布频率和深度",
    ),
    "exchange-blocked": Words(
        "交易所拒绝访问（HTTP 451）",
        "HTTP 451 或 403",
        "配置给定的代理，或停用该交易所，随时可以恢复",
    ),
    "websocket-flapping": Words(
        "WebSocket 连接频繁断开",
        "日志中频繁出现重连信息",
        "用可恢复的配置增加重连延迟",
    ),
    "disk-full": Words(
        "磁盘已满",
        "写入失败，或即将失败",
        "清理旧日志、软件包缓存和无人使用的旧版本，重新启动因此停住的服务；绝不删除数据",
    ),
    "port-taken": Words(
        "端口被占用",
        "其他进程占用端口，服务无法监听",
        "只有占用者是我们自己的残留进程时才停止它；否则说明是谁的",
    ),
    "clock-skew": Words(
        "时钟不准",
        "本机时钟与交易所的时钟不一致",
        "启动时间同步并等待时钟一致",
    ),
    "jetstream-corrupt": Words(
        "JetStream 存储损坏",
        "NATS 无法恢复某个消息流或消费者",
        "把损坏的消息流移开，按约定重新建立，再放回它的消息和消费者",
    ),
    "stream-full": Words(
        "消息流已满",
        "JetStream 拒绝新消息",
        "不删除任何东西：只有尚未入库的消息才会占满消息流；说明如何扩大容量",
    ),
    "stream-drift": Words(
        "消息流与约定不符",
        "消息流或消费者缺失，或配置不同",
        "运行 'marketprism streams apply'；不删除任何东西",
    ),
    "schema-drift": Words(
        "表结构与约定不符",
        "表或列缺失，或定义不同",
        "运行 'marketprism schema apply'；不删除任何东西",
    ),
    "dead-letters": Words(
        "有消息无法入库",
        "消息流 DEAD_LETTERS 中有消息",
        "显示原因，并重新写入现在可以写入的消息",
    ),
    "sequence-gaps": Words(
        "序列有缺口",
        "缺口账本中有未修复的缺口",
        "向交易所请求缺失的数据；已无法取得的部分在账本中核销",
    ),
    "consumer-stuck": Words(
        "消费者停滞",
        "有消息等待，但没有任何确认",
        "保存存储服务的调用栈，然后重启它；绝不删除消费者",
    ),
    "clickhouse-readonly": Words(
        "ClickHouse 只读",
        "写入被拒绝：磁盘或用户只能读",
        "重新以可写方式挂载磁盘，或恢复用户配置",
    ),
    "too-many-parts": Words(
        "数据分片过多",
        "合并速度跟不上写入",
        "启动被停止的合并，并用可恢复的配置增大批量",
    ),
    "backup-too-old": Words(
        "备份过旧",
        "超过 26 小时没有新的备份",
        "立即备份",
    ),
    "dns-failure": Words(
        "域名解析失败",
        "交易所的域名无法解析",
        "恢复一切正常时的解析服务器",
    ),
    "config-invalid": Words(
        "配置无效",
        "服务拒绝其配置",
        "保留原文件，恢复一切正常时的配置，重新启动服务",
    ),
}
"""Texts by problem."""
