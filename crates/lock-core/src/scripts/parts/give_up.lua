-- One attempt gives up a lock that its hold record names it for: the lock goes on to the next, unless other attempts hold it, too.
local function give_up(lock, record_key, queue, counter, raise, attempts, token, attempt)
  local rest = change(attempts, attempt, false)
  if rest == '' then
    redis.call('DEL', record_key)
    pass_on(lock, queue, counter, raise)
  else
    local timed = redis.call('PTTL', lock) >= 0 and '1' or '0'
    redis.call('SET', record_key, rest .. ':' .. string.format('%.0f', token) .. ':' .. timed, 'KEEPTTL')
  end
end
