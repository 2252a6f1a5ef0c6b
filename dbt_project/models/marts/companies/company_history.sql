with

status_changes as (

    select * from {{ ref('int_company_history__screened') }}
    where left_out_reason is null

),

legal_statuses as (

    select * from {{ ref('int_lookup_codes') }}
    where lookup = 'legal_statuses'

),

dated as (

    select
        status_changes.*,
        cast(snapshot_month || '-01' as date) as valid_from
    from status_changes

),

periods as (

    select
        dated.*,
        lead(valid_from) over (partition by company_number order by valid_from) as valid_to,
        row_number() over (partition by company_number order by valid_from desc) as history_rank
    from dated

),

final as (

    select
        periods.company_number,
        periods.history_rank,
        periods.legal_status,
        legal_statuses.description as legal_status_description,
        periods.dissolution_date,
        {{ is_live('periods', 'legal_statuses') }} as is_live,
        periods.valid_from,
        periods.valid_to,
        periods.valid_to is null as is_current,
        periods.snapshot_month,
        periods.source_file
    from periods
    left join legal_statuses
        on periods.legal_status = legal_statuses.code

)

select * from final
