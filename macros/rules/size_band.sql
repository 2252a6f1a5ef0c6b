{#- Band of an amount in pounds, lower bound inclusive; unknown where it is null or negative. -#}
{%- macro size_band(amount) -%}
    case
        when {{ amount }} is null or {{ amount }} < 0 then 'unknown'
        when {{ amount }} < 100000 then '<100k'
        when {{ amount }} < 1000000 then '<1m'
        when {{ amount }} < 10000000 then '<10m'
        when {{ amount }} < 50000000 then '<50m'
        else '50m+'
    end
{%- endmacro -%}
